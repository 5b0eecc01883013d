# SPDX-License-Identifier: Apache-2.0
"""Alignment on one CUDA device through CuPy: the CPU's steps, costs and tie-break, one launch for all pairs."""
