# SPDX-License-Identifier: Apache-2.0
"""What becomes of a caller's values before they are telemetry: checked, hashed, cut to the contract's limits."""
