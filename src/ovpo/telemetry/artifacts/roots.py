# SPDX-License-Identifier: Apache-2.0
"""The places of others for which links may be signed, as the operator lists them. Pure but for the operator's folders.

A sender names what it likes in a trace. Were that signed with our credentials, it could read whatever these can open:
so nothing is, but what lies in a root that is open to its tenant.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ovpo.foundation.objects.folder import Place
from ovpo.foundation.settings.faults import SettingsError
from ovpo.telemetry.artifacts.errors import UnusableUriError
from ovpo.telemetry.artifacts.uris import Location, Scheme, place

TENANT: Final = "{tenant_id}"
_ANY_TENANT: Final = "any"


@dataclass(frozen=True, slots=True)
class Root:
    """One root as it was written, `{tenant_id}` and all."""

    template: str

    def open_to(self, tenant_id: str) -> Location | None:
        """Give what of it is open to a tenant."""
        try:
            return place(self.template.replace(TENANT, tenant_id))
        except UnusableUriError:
            return None

    @property
    def scheme(self) -> Scheme:
        """Tell how what lies in it is reached."""
        return Scheme(self.template.partition("://")[0])

    @property
    def folder(self) -> Location:
        """Give of a root of files what is the same for every tenant: the operator's folder, which may be a link."""
        before, tenant, _ = self.template.partition(TENANT)
        return place(before.rpartition("/")[0] if tenant else before)


def parse(text: str) -> tuple[Root, ...]:
    """Read the setting; what is wrong in it is told by its name."""
    return tuple(_checked(part) for part in text.split(",") if part)


def opens(roots: Sequence[Root], tenant_id: str, wanted: Location) -> bool:
    """Tell whether some root is open to this tenant and holds the place."""
    return any(_holds(root, tenant_id, wanted) for root in roots)


def file_at(roots: Sequence[Root], tenant_id: str, wanted: Location) -> Place | None:
    """Give the operator's folder that a file lies in, resolved, and the names from there on, which may not be links."""
    for root in roots:
        if wanted.scheme is Scheme.FILE and _holds(root, tenant_id, wanted):
            return Path(os.path.realpath(f"/{root.folder.key}")), wanted.beneath(root.folder) or ()
    return None


def _holds(root: Root, tenant_id: str, wanted: Location) -> bool:
    top = root.open_to(tenant_id)
    return top is not None and bool(wanted.beneath(top))


def _checked(template: str) -> Root:
    root = Root(template)
    try:
        place(template.replace(TENANT, _ANY_TENANT))
        nowhere = root.scheme is Scheme.FILE and not root.folder.names
    except UnusableUriError as error:
        raise SettingsError([f"OVPO_ARTIFACTS__ROOTS: got {template!r}: {error}"]) from error
    if nowhere:
        raise SettingsError([f"OVPO_ARTIFACTS__ROOTS: got {template!r}; takes a folder, before {TENANT} too"])
    return root
