# SPDX-License-Identifier: Apache-2.0
"""Feature adapters: what is usual in gold videos, learnt, kept in immutable versions, and taken out of rows."""
