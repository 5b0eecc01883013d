# SPDX-License-Identifier: Apache-2.0
"""Where settings come from: the environment, then `.env`, then `ovpo.toml`, then what the embedded stack generated.

This is the only module that reads the environment.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    TomlConfigSettingsSource,
)

from ovpo.foundation.settings.faults import SettingsError, explain, unknown_variables
from ovpo.foundation.settings.tree import Settings

FILE = Path("ovpo.toml")
DOTENV = Path(".env")
GENERATED = "secrets.toml"
DAGSTER_PREFIX = "OVPO_DAGSTER_PG_"
OF_CLIENTS = frozenset(
    {
        "OVPO_KEY",
        "OVPO_SERVER",
        "OVPO_ENDPOINT",
        "OVPO_TENANT",
        "OVPO_STRICT",
        "OVPO_SPOOL",
        "OVPO_TELEMETRY",
        "OVPO_USER_SALT",
    }
)
"""What whoever calls our APIs or traces runs keeps beside our settings: the key, the addresses, how the SDK behaves. No
service reads them."""


class _Dotenv(DotEnvSettingsSource):
    """The file `.env`, of which only our own variables are ours."""

    def __call__(self) -> dict[str, Any]:
        """Leave out what other programs keep there."""
        return {name: value for name, value in super().__call__().items() if name in Settings.model_fields}


class _Sourced(Settings):
    """The tree with its sources bound: those named in `ranked`, the strongest first."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the embedded stack's generated secrets last, so that whatever a person sets beats them."""
        return (init_settings, *(source for _, source in ranked(settings_cls)))


def ranked(settings_class: type[BaseSettings] = Settings) -> list[tuple[str, PydanticBaseSettingsSource]]:
    """Name every source of values, the strongest first."""
    sources: list[tuple[str, PydanticBaseSettingsSource]] = [
        ("environment", EnvSettingsSource(settings_class)),
        (str(DOTENV), _Dotenv(settings_class, env_file=DOTENV)),
        (str(FILE), TomlConfigSettingsSource(settings_class, toml_file=FILE)),
    ]
    home = next((values["home"] for _, source in sources if "home" in (values := source())), ".ovpo")
    generated = Path(str(home)).expanduser() / GENERATED
    return [*sources, (GENERATED, TomlConfigSettingsSource(settings_class, toml_file=generated))]


def load() -> Settings:
    """Read and check every setting; a wrong one is a `SettingsError` of one line each."""
    names = {*os.environ, *dotenv_values(DOTENV)} - OF_CLIENTS
    if strays := unknown_variables(name for name in names if not name.startswith(DAGSTER_PREFIX)):
        raise SettingsError(strays)
    try:
        return _Sourced()
    except ValidationError as error:
        raise SettingsError(explain(error, os.environ)) from None
    except ValueError as error:
        raise SettingsError([f"{FILE}: cannot be read as TOML: {error}; mend or remove it"]) from None


def inherited_environment() -> Mapping[str, str]:
    """Give the environment that a child process starts from: ours, without what is none of its business."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in OF_CLIENTS and not name.startswith(DAGSTER_PREFIX)
    }


def origins() -> dict[str, str]:
    """Tell for each setting that is not a default which source gave it, by dotted path."""
    found: dict[str, str] = {}
    for name, source in ranked():
        for path in flatten(source()):
            found.setdefault(path, name)
    return found


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn nested mappings into one mapping by dotted path."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat
