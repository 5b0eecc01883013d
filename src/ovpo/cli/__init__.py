# SPDX-License-Identifier: Apache-2.0
"""The `ovpo` command: one module per family of subcommands, each a thin shell over a domain function."""
