# SPDX-License-Identifier: Apache-2.0
"""From the settings of the object store to an open one: folder, GCS or S3, with the signer that fits."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urlsplit

import obstore
from obstore.store import GCSStore, LocalStore, S3Store

from ovpo.foundation.objects.errors import ObjectAccessDeniedError, ObjectStoreError, ObjectStoreUnavailableError
from ovpo.foundation.objects.signing import checked_life, is_valid, link
from ovpo.foundation.objects.store import Backend, Method, ObjectStore, list_one_page, now
from ovpo.foundation.settings import tree

if TYPE_CHECKING:
    from obstore.store import ClientConfig, GCSConfig, RetryConfig, S3Config

_RETRY: "Final[RetryConfig]" = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
_FOLDER_MODE: Final = 0o700


def open_objects(objects: tree.Objects, query: tree.Query, home: Path) -> ObjectStore:
    """Open the store that the settings name; links to a folder's objects lead to the query API."""
    url = urlsplit(objects.url or (home / "objects").as_uri())
    match url.scheme:
        case "file":
            return _folder(url, objects, query)
        case "gs":
            return _cloud(_gcs(url, objects), url)
        case "s3":
            return _cloud(_s3(url, objects), url)
        case _:
            raise ObjectStoreError(f"OVPO_OBJECTS__URL begins with {url.scheme}://; takes file:///, gs:// or s3://")


class FolderSigner:
    """Signs links with a secret of ours, for the query API to honour."""

    def __init__(self, public_url: str, secret: bytes) -> None:
        self._public_url = public_url
        self._secret = secret

    def sign(self, key: str, life: timedelta, method: Method) -> str:
        """Give a link that works for so long."""
        return link(self._public_url, self._secret, key, now() + checked_life(life), method)

    def verify(self, key: str, expires: int, signature: str, now: datetime, method: Method) -> bool:
        """Tell whether a link is one of ours and still good."""
        return is_valid(self._secret, key, expires, signature, now, method)


class CloudSigner:
    """Has the cloud's own scheme sign links; they lead to the cloud and never come back to us."""

    def __init__(self, backend: GCSStore | S3Store) -> None:
        self._backend = backend

    def sign(self, key: str, life: timedelta, method: Method) -> str:
        """Give a link that works for so long."""
        return obstore.sign(self._backend, method, key, checked_life(life))

    def verify(self, key: str, expires: int, signature: str, now: datetime, method: Method) -> bool:  # noqa: ARG002
        """Refuse: no link of ours leads here."""
        return False


def _folder(url: SplitResult, objects: tree.Objects, query: tree.Query) -> ObjectStore:
    root = Path(unquote(url.path))
    if url.netloc or not root.is_absolute() or url.query or url.fragment:
        raise ObjectStoreError(f"OVPO_OBJECTS__URL is {objects.url}; takes a folder of this machine, as file:///folder")
    try:
        root.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise ObjectStoreUnavailableError(f"folder {root} cannot be made ({error}); check OVPO_OBJECTS__URL") from error

    def usable(_: Backend) -> None:
        if not root.is_dir():
            raise ObjectStoreUnavailableError(f"folder {root} is gone; make it again or check OVPO_OBJECTS__URL")
        if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
            raise ObjectAccessDeniedError(f"folder {root} may not be written by this user; change its mode or owner")

    public_url = objects.public_url or f"http://{tree.LOOPBACK}:{query.port}"
    signer = FolderSigner(public_url, objects.signing_key.get_secret_value().encode())
    return ObjectStore(LocalStore(root), signer, usable, f"folder {root}")


def _cloud(backend: GCSStore | S3Store, url: SplitResult) -> ObjectStore:
    return ObjectStore(backend, CloudSigner(backend), list_one_page, f"{url.scheme}://{url.netloc}")


def _gcs(url: SplitResult, objects: tree.Objects) -> GCSStore:
    config: GCSConfig = {}
    if objects.service_account is not None:
        if not objects.service_account.is_file():
            raise ObjectStoreError(f"OVPO_OBJECTS__SERVICE_ACCOUNT: there is no file {objects.service_account}")
        config["service_account"] = str(objects.service_account)
    if objects.endpoint is not None:
        config["base_url"] = objects.endpoint.rstrip("/")
    return GCSStore(
        _bucket(url), prefix=_prefix(url), config=config, client_options=_client(objects), retry_config=_RETRY
    )


def _s3(url: SplitResult, objects: tree.Objects) -> S3Store:
    config: S3Config = {"region": objects.region}
    secret = objects.secret_access_key.get_secret_value()
    if bool(objects.access_key_id) != bool(secret):
        raise ObjectStoreError("OVPO_OBJECTS__ACCESS_KEY_ID and __SECRET_ACCESS_KEY: set both, or neither")
    if secret:
        config["access_key_id"] = objects.access_key_id
        config["secret_access_key"] = secret
    if objects.endpoint is not None:
        config["endpoint"] = objects.endpoint.rstrip("/")
    return S3Store(
        _bucket(url), prefix=_prefix(url), config=config, client_options=_client(objects), retry_config=_RETRY
    )


def _bucket(url: SplitResult) -> str:
    if not url.netloc or "@" in url.netloc or ":" in url.netloc:
        raise ObjectStoreError(f"OVPO_OBJECTS__URL: takes {url.scheme}://bucket or {url.scheme}://bucket/prefix")
    return url.netloc


def _prefix(url: SplitResult) -> str | None:
    return url.path.strip("/") or None


def _client(objects: tree.Objects) -> "ClientConfig":
    """Bound every wait, but not the transfer of a large object: that only has to go on."""
    return {
        "connect_timeout": timedelta(seconds=5),
        "read_timeout": timedelta(seconds=30),
        "timeout": timedelta(hours=1),
        "allow_http": (objects.endpoint or "").startswith("http://"),
    }
