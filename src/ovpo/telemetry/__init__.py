# SPDX-License-Identifier: Apache-2.0
"""The telemetry wing: take traces, spans and frame events in, keep them, explain them."""
