# SPDX-License-Identifier: Apache-2.0
"""Tenants and their API keys in PostgreSQL."""
