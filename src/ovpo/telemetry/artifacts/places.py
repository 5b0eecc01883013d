# SPDX-License-Identifier: Apache-2.0
"""From an artifact's URI to the store and key that it stands for, as far as a tenant may be handed what lies there."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from ovpo.foundation.objects import folder
from ovpo.foundation.objects.connect import folder_signer, open_bucket
from ovpo.foundation.objects.folder import FolderFiles
from ovpo.foundation.objects.store import ObjectInfo, ObjectStore
from ovpo.foundation.settings.faults import SettingsError
from ovpo.foundation.settings.tree import Settings
from ovpo.telemetry.artifacts import roots as allowed
from ovpo.telemetry.artifacts.errors import ClosedPlaceError, UnusableUriError
from ovpo.telemetry.artifacts.roots import Root
from ovpo.telemetry.artifacts.uris import Location, Scheme, location

FILES_PATH: Final = "/v1/files/"
TENANTS: Final = "tenants"
_MOST_BUCKETS: Final = 64


class Store(Protocol):
    """What links are signed for and what artifacts are read from."""

    def sign_all(self, keys: Sequence[str], life: timedelta) -> Sequence[str]:
        """Give a link to each object."""
        ...

    def head(self, key: str) -> ObjectInfo:
        """Tell what is known of an object."""
        ...

    def read(self, key: str) -> Iterator[bytes]:
        """Give an object piece by piece."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """An artifact that a store holds for us."""

    scheme: Scheme
    store: Store
    key: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An artifact behind an address that anybody may try, and that this server never fetches."""

    url: str
    scheme: Scheme = Scheme.HTTPS


class Places:
    """Every place that artifacts are handed out from."""

    def __init__(self, settings: Settings, own: ObjectStore) -> None:
        self._own = own
        self._own_at = _own_place(settings)
        self._roots = allowed.parse(settings.artifacts.roots)
        _check(self._roots, settings)
        signer = folder_signer(settings.objects, settings.query, FILES_PATH)
        self.files = FolderFiles(signer, self._file)
        """What the route under `FILES_PATH` serves."""
        self._bucket: Callable[[str, str], ObjectStore] = lru_cache(_MOST_BUCKETS)(
            lambda scheme, bucket: open_bucket(scheme, bucket, settings.objects, settings.artifacts)
        )

    def find(self, tenant_id: str, uri: str) -> Kept | Elsewhere:
        """Tell where an artifact of a tenant's trace lies; raise where that is no place for this tenant."""
        wanted = location(uri)
        match wanted.scheme:
            case Scheme.HTTPS:
                return Elsewhere(uri)
            case Scheme.OVPO:
                return self._of_own(tenant_id, wanted.scheme, wanted.names)
        own = self._own_names(tenant_id, wanted)
        if own is not None:
            return self._of_own(tenant_id, wanted.scheme, own)
        if not allowed.opens(self._roots, tenant_id, wanted):
            raise ClosedPlaceError(
                "no links are signed for this place; the operator may list it in OVPO_ARTIFACTS__ROOTS"
            )
        if wanted.scheme is Scheme.FILE:
            return Kept(wanted.scheme, self.files, f"{tenant_id}/{wanted.key}")
        return Kept(wanted.scheme, self._bucket(wanted.scheme, wanted.bucket), wanted.key)

    def _of_own(self, tenant_id: str, scheme: Scheme, names: Sequence[str]) -> Kept:
        if tuple(names[:2]) != (TENANTS, tenant_id) or len(names) == 2:
            raise UnusableUriError(f"a tenant's objects lie under {TENANTS}/<tenant_id>/ in the own store")
        return Kept(scheme, self._own, "/".join(names))

    def _own_names(self, tenant_id: str, wanted: Location) -> tuple[str, ...] | None:
        """Give the key of what is an object of the own store under another name, so that its rule holds for it too."""
        names = wanted.beneath(self._own_at)
        found = allowed.file_at(self._roots, tenant_id, wanted) if names is None else None
        return names if found is None else _resolved(*found).beneath(self._own_at)

    def _file(self, key: str) -> folder.Place | None:
        """Find a file that a link leads to: the link was good, and its root must still be open."""
        tenant_id, _, path = key.partition("/")
        names = tuple(path.split("/"))
        return allowed.file_at(self._roots, tenant_id, Location(Scheme.FILE, "", names))


def links(kept: Sequence[Kept], life: timedelta) -> list[str]:
    """Give a link to each artifact, all those of one store at once."""
    signed: dict[Kept, str] = {}
    for store in {id(one.store): one.store for one in kept}.values():
        own = [one for one in kept if one.store is store]
        signed |= zip(own, store.sign_all([one.key for one in own], life), strict=True)
    return [signed[one] for one in kept]


def _own_place(settings: Settings) -> Location:
    """Tell where the own store is."""
    url = settings.objects.url or (settings.home / "objects").as_uri()
    parts = urlsplit(url)
    if parts.scheme == Scheme.FILE:
        return _resolved(Path(unquote(parts.path)).resolve(), ())
    return Location(Scheme(parts.scheme), parts.netloc, tuple(name for name in parts.path.split("/") if name))


def _resolved(base: Path, names: Sequence[str]) -> Location:
    return Location(Scheme.FILE, "", (*base.parts[1:], *names))


def _check(roots: Sequence[Root], settings: Settings) -> None:
    schemes = {root.scheme for root in roots}
    own = settings.objects.url
    if Scheme.FILE in schemes and not (own is None or own.startswith("file:")):
        raise SettingsError(
            ["OVPO_ARTIFACTS__ROOTS: file:// is for the embedded stack, whose own store is a folder; take it out"]
        )
    if Scheme.AZURE in schemes and not settings.artifacts.azure_account:
        raise SettingsError(["OVPO_ARTIFACTS__AZURE_ACCOUNT: is empty; the azure:// roots need it"])
