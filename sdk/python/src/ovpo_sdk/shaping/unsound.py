# SPDX-License-Identifier: Apache-2.0
"""What a builder gives in place of a record that could not be made, so that no run fails for a reference."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unsound:
    """Stands for a record that could not be made. What it is handed to tells why, and leaves it out."""

    message: str
    """What is wrong and what to change."""
