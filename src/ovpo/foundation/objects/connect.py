# SPDX-License-Identifier: Apache-2.0
"""From settings to an open store, with the signer that fits: the own one, or a bucket that belongs to others."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urlsplit

import obstore
from obstore import exceptions
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from ovpo.foundation.objects.errors import ObjectAccessDeniedError, ObjectStoreError, ObjectStoreUnavailableError
from ovpo.foundation.objects.signing import PATH, checked_life, is_valid, link, secret_for
from ovpo.foundation.objects.store import Backend, Method, ObjectStore, list_one_page, now
from ovpo.foundation.settings import tree

if TYPE_CHECKING:
    from obstore.store import AzureConfig, ClientConfig, GCSConfig, RetryConfig, S3Config

CloudBackend = GCSStore | S3Store | AzureStore
_RETRY: "Final[RetryConfig]" = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
_FOLDER_MODE: Final = 0o700


def open_objects(objects: tree.Objects, query: tree.Query, home: Path) -> ObjectStore:
    """Open the store that the settings name; links to a folder's objects lead to the query API."""
    url = urlsplit(objects.url or (home / "objects").as_uri())
    match url.scheme:
        case "file":
            return _folder(url, objects, query)
        case "gs":
            return _cloud(_gcs(_bucket(url), objects, objects.endpoint, _prefix(url)), url.scheme, url.netloc)
        case "s3":
            return _cloud(_s3(_bucket(url), objects, objects.endpoint, _prefix(url)), url.scheme, url.netloc)
        case _:
            raise ObjectStoreError(f"OVPO_OBJECTS__URL begins with {url.scheme}://; takes file:///, gs:// or s3://")


def open_bucket(scheme: str, bucket: str, objects: tree.Objects, artifacts: tree.Artifacts) -> ObjectStore:
    """Open a bucket of others with our credentials; what in it may be read, and by whom, is for the caller to judge."""
    try:
        match scheme:
            case "gs":
                backend: CloudBackend = _gcs(bucket, objects, _endpoint(scheme, objects), None)
            case "s3":
                backend = _s3(bucket, objects, _endpoint(scheme, objects), None)
            case "azure":
                backend = _azure(bucket, artifacts)
            case _:
                raise ObjectStoreError(f"there are no buckets of {scheme}://; takes s3://, gs:// or azure://")
    except exceptions.BaseError as error:
        said = str(error).partition("\n")[0]
        raise ObjectStoreError(f"{scheme}://{bucket} cannot be opened: {said}; check its credentials") from error
    return _cloud(backend, scheme, bucket)


def folder_signer(objects: tree.Objects, query: tree.Query, path: str = PATH) -> "FolderSigner":
    """Give the signer of links that the query API honours under this path."""
    secret = objects.signing_key.get_secret_value().encode()
    public_url = objects.public_url or f"http://{tree.LOOPBACK}:{query.port}"
    return FolderSigner(public_url, secret if path == PATH else secret_for(secret, path), path)


class FolderSigner:
    """Signs links with a secret of ours, for the query API to honour."""

    def __init__(self, public_url: str, secret: bytes, path: str) -> None:
        self._public_url = public_url
        self._secret = secret
        self._path = path

    def sign(self, keys: Sequence[str], life: timedelta, method: Method) -> Sequence[str]:
        """Give links that work for so long."""
        expires = now() + checked_life(life)
        return [link(self._public_url, self._secret, key, expires, method, self._path) for key in keys]

    def verify(self, key: str, expires: int, signature: str, now: datetime, method: Method) -> bool:
        """Tell whether a link is one of ours and still good."""
        return is_valid(self._secret, key, expires, signature, now, method)


class CloudSigner:
    """Has the cloud's own scheme sign links; they lead to the cloud and never come back to us."""

    def __init__(self, backend: CloudBackend) -> None:
        self._backend = backend

    def sign(self, keys: Sequence[str], life: timedelta, method: Method) -> Sequence[str]:
        """Give links that work for so long."""
        return obstore.sign(self._backend, method, list(keys), checked_life(life))

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

    return ObjectStore(LocalStore(root), folder_signer(objects, query), usable, f"folder {root}", root)


def _cloud(backend: CloudBackend, scheme: str, bucket: str) -> ObjectStore:
    return ObjectStore(backend, CloudSigner(backend), list_one_page, f"{scheme}://{bucket}")


def _endpoint(scheme: str, objects: tree.Objects) -> str | None:
    """Tell where another bucket is: the endpoint is that of the own store's cloud, or of S3 where that is a folder."""
    own = urlsplit(objects.url or "").scheme
    return objects.endpoint if scheme == own or (scheme == "s3" and own in {"", "file"}) else None


def _gcs(bucket: str, objects: tree.Objects, endpoint: str | None, prefix: str | None) -> GCSStore:
    config: GCSConfig = {}
    if objects.service_account is not None:
        if not objects.service_account.is_file():
            raise ObjectStoreError(f"OVPO_OBJECTS__SERVICE_ACCOUNT: there is no file {objects.service_account}")
        config["service_account"] = str(objects.service_account)
    if endpoint is not None:
        config["base_url"] = endpoint.rstrip("/")
    return GCSStore(bucket, prefix=prefix, config=config, client_options=_client(endpoint), retry_config=_RETRY)


def _s3(bucket: str, objects: tree.Objects, endpoint: str | None, prefix: str | None) -> S3Store:
    config: S3Config = {"region": objects.region}
    secret = objects.secret_access_key.get_secret_value()
    if bool(objects.access_key_id) != bool(secret):
        raise ObjectStoreError("OVPO_OBJECTS__ACCESS_KEY_ID and __SECRET_ACCESS_KEY: set both, or neither")
    if secret:
        config["access_key_id"] = objects.access_key_id
        config["secret_access_key"] = secret
    if endpoint is not None:
        config["endpoint"] = endpoint.rstrip("/")
    return S3Store(bucket, prefix=prefix, config=config, client_options=_client(endpoint), retry_config=_RETRY)


def _azure(container: str, artifacts: tree.Artifacts) -> AzureStore:
    if not artifacts.azure_account:
        raise ObjectStoreError("OVPO_ARTIFACTS__AZURE_ACCOUNT is empty, so no azure:// container can be opened; set it")
    config: AzureConfig = {"account_name": artifacts.azure_account}
    if key := artifacts.azure_key.get_secret_value():
        config["account_key"] = key
    return AzureStore(container, config=config, client_options=_client(None), retry_config=_RETRY)


def _bucket(url: SplitResult) -> str:
    if not url.netloc or "@" in url.netloc or ":" in url.netloc:
        raise ObjectStoreError(f"OVPO_OBJECTS__URL: takes {url.scheme}://bucket or {url.scheme}://bucket/prefix")
    return url.netloc


def _prefix(url: SplitResult) -> str | None:
    return url.path.strip("/") or None


def _client(endpoint: str | None) -> "ClientConfig":
    """Bound every wait, but not the transfer of a large object: that only has to go on."""
    return {
        "connect_timeout": timedelta(seconds=5),
        "read_timeout": timedelta(seconds=30),
        "timeout": timedelta(hours=1),
        "allow_http": (endpoint or "").startswith("http://"),
    }
