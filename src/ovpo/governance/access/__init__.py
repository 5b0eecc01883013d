# SPDX-License-Identifier: Apache-2.0
"""Tenants and API keys: administering them, over HTTP and at the console."""
