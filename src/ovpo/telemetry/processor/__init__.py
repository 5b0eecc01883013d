# SPDX-License-Identifier: Apache-2.0
"""The processor: takes telemetry out of the queue, puts it into the stores once, and settles what follows from it."""
