# SPDX-License-Identifier: Apache-2.0
"""What the server of a rig cannot do, although the broker it stands for can: named, so that none is left out unsaid."""

from enum import StrEnum


class Limit(StrEnum):
    MOMENTS = "finds no moment"
    DISK = "keeps nothing over a restart"
