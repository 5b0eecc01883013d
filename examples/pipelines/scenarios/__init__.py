# SPDX-License-Identifier: Apache-2.0
"""Runs that people come to an observatory for, one a module: the same pipeline on a machine with one worn part."""
