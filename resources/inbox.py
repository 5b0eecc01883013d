# SPDX-License-Identifier: Apache-2.0
"""The inbox as a resource: the folder or prefix that is watched for videos. What a look does is the wing's business."""

import dagster as dg

from ovpo.foundation.settings.tree import Settings
from ovpo.sop.intake import inbox


class Inbox(dg.ConfigurableResource["Inbox"]):
    """Where videos are laid that are to be taken in by themselves."""

    settings: dg.ResourceDependency[Settings]

    def open(self) -> inbox.Inbox:
        """Open what the settings name."""
        return inbox.open_inbox(self.settings)
