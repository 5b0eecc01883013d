# SPDX-License-Identifier: Apache-2.0
"""Rates: how fast a tenant may ask a service, by the tier that it has, and what it is told about it."""
