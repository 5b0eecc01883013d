# SPDX-License-Identifier: Apache-2.0
"""What a client is made of: arguments first, then the environment, then defaults. Nothing else reads the environment.

A wrong argument is the programmer's and raises. A wrong variable is the operator's and must not stop somebody's run: it
is left out, with a warning.
"""

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar, get_args
from urllib.parse import urlsplit

from ovpo_sdk.errors import ConfigurationError
from ovpo_sdk.shaping.personal import Policy

ENDPOINT: Final = "OVPO_ENDPOINT"
KEY: Final = "OVPO_KEY"
TENANT: Final = "OVPO_TENANT"
STRICT: Final = "OVPO_STRICT"
SPOOL: Final = "OVPO_SPOOL"
TELEMETRY: Final = "OVPO_TELEMETRY"
USER_SALT: Final = "OVPO_USER_SALT"
VARIABLES: Final = frozenset({ENDPOINT, KEY, TENANT, STRICT, SPOOL, TELEMETRY, USER_SALT})
DEFAULT_ENDPOINT: Final = "http://127.0.0.1:8001"
LEAST_BUFFER: Final = 4_000_000
LEAST_SPOOL: Final = 10_000_000

_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})
_TENANT: Final = re.compile(r"[a-z0-9-]{1,128}")
_HTTP: Final = re.compile(r"(http://|(?![a-z0-9]+://))[^/]", re.IGNORECASE)
T = TypeVar("T")
_log: Final = logging.getLogger("ovpo_sdk")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that decides how a client behaves."""

    endpoint: str
    key: str = field(repr=False)
    tenant: str | None
    strict: bool
    enabled: bool
    is_off: bool
    """Whether somebody said that nothing is to be traced."""
    buffer_bytes: int
    flush_seconds: float
    request_seconds: float
    exit_seconds: float
    spool: Path | None
    spool_bytes: int
    personal_data: Policy
    user_salt: str = field(repr=False)
    gpu_seconds: float
    gpu_visible: str | None
    proxy: str | None = field(repr=False)
    ca_file: str | None
    handle_sigterm: bool


def configured(
    *,
    endpoint: str | None,
    key: str | None,
    tenant: str | None,
    strict: bool | None,
    enabled: bool | None,
    buffer_bytes: int,
    flush_seconds: float,
    request_seconds: float,
    exit_seconds: float,
    spool: str | Path | None,
    spool_bytes: int,
    personal_data: Policy,
    user_salt: str | None,
    gpu_seconds: float,
    ca_file: str | None,
    handle_sigterm: bool,
    environment: Mapping[str, str] | None = None,
) -> Configuration:
    """Put arguments, variables and defaults together; without a key nothing is traced."""
    said = os.environ if environment is None else environment
    for name, text in (("endpoint", endpoint), ("key", key), ("tenant", tenant)):
        if not isinstance(text, str | None):
            raise ConfigurationError(f"{name} is a {type(text).__name__}; give a text")
    strictly = _flag(said, STRICT, default=False) if strict is None else strict
    on = wanted = _flag(said, TELEMETRY, default=True) if enabled is None else enabled
    known = key or said.get(KEY, "").strip()
    if on and not known:
        _without_key(strictly)
        on = False
    address = _address("endpoint", endpoint) if endpoint is not None else _address_of(said, strictly)
    if personal_data not in get_args(Policy):
        raise ConfigurationError(f"personal_data is {personal_data!r}; give one of {', '.join(get_args(Policy))}")
    return Configuration(
        endpoint=address or DEFAULT_ENDPOINT,
        key=known,
        tenant=_tenant("tenant", tenant) if tenant else _tenant_of(said, strictly),
        strict=strictly,
        enabled=on and address is not None,
        is_off=not wanted,
        buffer_bytes=int(_at_least("buffer_bytes", buffer_bytes, LEAST_BUFFER)),
        flush_seconds=_at_least("flush_seconds", flush_seconds, 0.05),
        request_seconds=_at_least("request_seconds", request_seconds, 0.1),
        exit_seconds=_at_least("exit_seconds", exit_seconds, 0),
        spool=_folder("spool", spool) if spool is not None else _folder_of(said, strictly),
        spool_bytes=int(_at_least("spool_bytes", spool_bytes, LEAST_SPOOL)),
        personal_data=personal_data,
        user_salt=user_salt if user_salt is not None else said.get(USER_SALT, ""),
        gpu_seconds=_at_least("gpu_seconds", gpu_seconds, 0),
        gpu_visible=said.get("CUDA_VISIBLE_DEVICES"),
        proxy=_proxy(said, address or DEFAULT_ENDPOINT),
        ca_file=ca_file,
        handle_sigterm=handle_sigterm,
    )


def _without_key(strict: bool) -> None:
    remedy = f"give OvpoClient(key=…) or set {KEY}"
    if strict:
        raise ConfigurationError(f"there is no API key; {remedy}")
    _log.warning("ovpo: no API key, so nothing is traced; %s, or %s=off to say that this is meant", remedy, TELEMETRY)


def _flag(said: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = said.get(name, "").strip().lower()
    if text and text not in _YES | _NO:
        _log.warning("ovpo: %s is %r and was left out; it takes on or off", name, text)
        return default
    return text in _YES if text else default


def _address_of(said: Mapping[str, str], strict: bool) -> str | None:
    text = said.get(ENDPOINT, "").strip() or DEFAULT_ENDPOINT
    return _of(lambda given: _address(ENDPOINT, given), text, strict, "nothing is traced")


def _tenant(name: str, text: str) -> str:
    if not _TENANT.fullmatch(text):
        raise ConfigurationError(f"{name} is {text!r}; give 1 to 128 of a-z, 0-9 and -, or leave it out")
    return text


def _tenant_of(said: Mapping[str, str], strict: bool) -> str | None:
    return _of(lambda text: _tenant(TENANT, text), said.get(TENANT, "").strip(), strict, "the collector is asked")


def _folder(name: str, folder: str | Path) -> Path:
    try:
        return Path(folder).expanduser()
    except (TypeError, RuntimeError) as error:
        raise ConfigurationError(f"{name} is {folder!r}; give a folder ({error})") from None


def _folder_of(said: Mapping[str, str], strict: bool) -> Path | None:
    return _of(lambda text: _folder(SPOOL, text), said.get(SPOOL, ""), strict, "what waits is kept in memory")


def _of(read: Callable[[str], T], text: str, strict: bool, otherwise: str) -> T | None:
    """Read a variable, where it is set."""
    try:
        return read(text) if text else None
    except ConfigurationError as error:
        if strict:
            raise
        _log.warning("ovpo: %s; %s", error, otherwise)
        return None


def _address(name: str, text: str) -> str:
    """Read an address; what is wrong with it is said without it, for it may hold a password or be a key."""
    try:
        parts = urlsplit(text.strip())
        port_is_sound = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_sound = urlsplit(""), False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_sound or parts.query:
        raise ConfigurationError(f"{name} is no address; give the collector's, such as {DEFAULT_ENDPOINT}")
    if parts.username or parts.password:
        raise ConfigurationError(f"{name} holds a user or a password; give it without, the key goes into {KEY}")
    return text.strip().rstrip("/")


def _at_least(name: str, value: float, least: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value < float("inf"):
        raise ConfigurationError(f"{name} is {value!r}; give a number of at least {least:g}")
    return value


def _proxy(said: Mapping[str, str], address: str) -> str | None:
    """Find the proxy that the environment names for an address, as other programs do."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    exempt = [one.strip().lstrip(".") for one in said.get("no_proxy", said.get("NO_PROXY", "")).split(",")]
    if host in {"localhost", "127.0.0.1", "::1"} or any(
        one == "*" or host == one or (one and host.endswith(f".{one}")) for one in exempt
    ):
        return None
    name = f"{parts.scheme}_proxy"
    proxy = said.get(name) or said.get(name.upper()) or None
    if proxy is None or _HTTP.match(proxy):
        return proxy
    _log.warning("ovpo: %s names no HTTP proxy, so the collector is asked directly", name)
    return None
