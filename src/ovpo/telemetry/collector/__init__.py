# SPDX-License-Identifier: Apache-2.0
"""The collector: takes batches of telemetry in, and says so only when every item it took is durable in the queue."""
