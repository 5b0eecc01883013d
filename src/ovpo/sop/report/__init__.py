# SPDX-License-Identifier: Apache-2.0
"""The printed report of a comparison: an A4 PDF for the trainer's file."""
