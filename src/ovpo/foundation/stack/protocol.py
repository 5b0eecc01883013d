# SPDX-License-Identifier: Apache-2.0
"""What the supervisor's process and the command that starts it agree on: one flag and the meaning of exit codes."""

from enum import IntEnum

MODULE = "ovpo.foundation.stack"
ATTACHED = "--attached"


class Exit(IntEnum):
    """How a supervisor ends."""

    STOPPED = 0
    FAILED = 1
    ALREADY_RUNNING = 3
    NO_SPACE = 28
