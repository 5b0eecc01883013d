# SPDX-License-Identifier: Apache-2.0
"""What every wing stands on: settings, stores, broker, cache, ledger, keys, HTTP habits and the embedded stack."""
