# SPDX-License-Identifier: Apache-2.0
"""The definition of a procedure: a file of named steps, read once into frozen objects or refused line by line."""
