# SPDX-License-Identifier: Apache-2.0
"""The numbers of the contract that its schemas cannot hold, or that are needed before a schema is asked."""

from typing import Final

SCHEMA_VERSION: Final = "0.08"
BODY_BYTES: Final = 5 * 1024 * 1024
NESTING: Final = 32
ITEMS: Final = 5_000
ITEM_BYTES: Final = 10 * 1024 * 1024 - 1024
"""As canonical JSON, which may be longer than what was sent: 1e15 becomes 18 bytes. It is what a message can carry."""
SPANS_OF_A_TRACE: Final = 1_000
PIPELINE_CONFIG_BYTES: Final = 64 * 1024
ATTRIBUTES_BYTES: Final = 16 * 1024
TAG_BYTES: Final = 256
IDEMPOTENCY_KEY_BYTES: Final = 128
