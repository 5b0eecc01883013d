# SPDX-License-Identifier: Apache-2.0
"""The telemetry contract as types and pure functions: one parse at the boundary, from bytes to typed records."""
