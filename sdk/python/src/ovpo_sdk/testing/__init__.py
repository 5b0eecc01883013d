# SPDX-License-Identifier: Apache-2.0
"""What a pipeline is tested with: a receiver that stands in for the collector, and the compliance suite."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ovpo_sdk.testing.receiver import Receiver
    from ovpo_sdk.testing.suite import ComplianceSuite

__all__ = ["ComplianceSuite", "Receiver"]


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is: a receiver needs no suite, and the runner of a pipeline neither."""
    if name == "ComplianceSuite":
        from ovpo_sdk.testing.suite import ComplianceSuite

        return ComplianceSuite
    if name == "Receiver":
        from ovpo_sdk.testing.receiver import Receiver

        return Receiver
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
