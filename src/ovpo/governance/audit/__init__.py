# SPDX-License-Identifier: Apache-2.0
"""The audit chain: an append-only log per tenant, each record bound to the one before it by its hash."""
