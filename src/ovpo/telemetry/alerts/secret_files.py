# SPDX-License-Identifier: Apache-2.0
"""The files that hold the actions' secrets: read when they are needed, checked when the rules are, shown never."""

from pathlib import Path
from typing import Final

from ovpo.foundation.settings.faults import SettingsError
from ovpo.telemetry.alerts.actions import Action, PagerDuty, Slack, faults_of_url, secret_file
from ovpo.telemetry.alerts.rules import Rulebook

MOST_BYTES: Final = 4_096
ROUTING_KEY: Final = 32
_FEWEST: Final = 8


def read_secret(book: Rulebook, name: str, action: Action) -> str | None:
    """Read the secret of an action; a SettingsError names the action and the file, None says that it needs none."""
    given = secret_file(action)
    if given is None:
        return None
    path = book.folder / Path(given)
    try:
        with path.open("rb") as opened:
            secret = opened.read(MOST_BYTES + 1).decode().strip()
    except OSError as error:
        raise _wrong(name, path, f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise _wrong(name, path, "is no text in UTF-8") from None
    if fault := _fault(action, secret):
        raise _wrong(name, path, fault)
    return secret


def faults_of_secrets(book: Rulebook) -> list[str]:
    """Say which secrets cannot be read or cannot be meant, a line each."""
    lines: list[str] = []
    for name, action in book.actions.items():
        try:
            read_secret(book, name, action)
        except SettingsError as error:
            lines += error.lines
    return lines


def _fault(action: Action, secret: str) -> str | None:
    if not secret:
        return "is empty"
    if len(secret) > MOST_BYTES or not (secret.isascii() and secret.isprintable()):
        return f"takes one line of at most {MOST_BYTES} printable ASCII characters"
    if isinstance(action, PagerDuty) and len(secret) != ROUTING_KEY:
        return f"holds {len(secret)} characters; takes an integration's routing key, which has {ROUTING_KEY}"
    if isinstance(action, Slack):
        if not secret.startswith(("https://", "http://")) or " " in secret:
            return "takes the address of an incoming webhook, which begins with https://"
        return next(iter(faults_of_url(secret, allow_http=action.allow_http)), None)
    return f"takes a secret of at least {_FEWEST} characters" if len(secret) < _FEWEST else None


def _wrong(name: str, path: Path, what: str) -> SettingsError:
    return SettingsError([f"action {name}: the secret in {path} {what}"])
