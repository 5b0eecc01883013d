# SPDX-License-Identifier: Apache-2.0
"""What can go wrong at the audit chain, as one error. That a chain is broken is a finding, not an error."""


class AuditError(Exception):
    """What was asked of the audit chain cannot be done; the message says what to change."""
