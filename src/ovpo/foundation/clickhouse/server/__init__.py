# SPDX-License-Identifier: Apache-2.0
"""The embedded ClickHouse: one small process that speaks ClickHouse's HTTP protocol over the chDB engine."""
