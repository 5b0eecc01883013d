# SPDX-License-Identifier: Apache-2.0
"""Inspections: a look at every store on request or by the clock, and what a series of looks says."""
