# SPDX-License-Identifier: Apache-2.0
"""How telemetry gets from the caller's thread to the collector: inbox, lanes, spool, batches, sending."""
