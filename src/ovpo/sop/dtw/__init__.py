# SPDX-License-Identifier: Apache-2.0
"""Dynamic time warping: which moment of a trainee's video answers which moment of the gold one, and how well."""
