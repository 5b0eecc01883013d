# SPDX-License-Identifier: Apache-2.0
"""Rows without a model: what moves before a still background, where, in which colours and in which shapes."""
