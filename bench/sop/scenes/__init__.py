# SPDX-License-Identifier: Apache-2.0
"""Drawn procedures with known truth: one generator to tune on, another one to judge by."""
