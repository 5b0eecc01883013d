# SPDX-License-Identifier: Apache-2.0
"""The SOP wing as a resource: the workplace of a run. What is done there is the wing's own business."""

import dagster as dg

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.settings.tree import Settings
from ovpo.sop.working import Workplace


class Sop(dg.ConfigurableResource["Sop"]):
    """Videos, embeddings, adapters and scores of every tenant."""

    settings: dg.ResourceDependency[Settings]

    def workplace(self, run_id: str) -> Workplace:
        """Give what the work of one run stands on."""
        objects = open_objects(self.settings.objects, self.settings.query, self.settings.home)
        return Workplace(self.settings, objects, Copies(objects, self.settings.home / "copies"), run_id)
