# SPDX-License-Identifier: Apache-2.0
"""The secrets that sign seals and exports: the one that signs now, and those that did before."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from ovpo.foundation.settings.tree import Audit
from ovpo.governance.audit.errors import AuditError

_TAKES: Final = 'takes TOML, lines of "name" = "secret"'


@dataclass(frozen=True, slots=True)
class Keys:
    """Secrets by their names."""

    key_id: str
    """The one that signs now."""
    secrets: Mapping[str, bytes] = field(repr=False)

    def sign(self, text: bytes) -> str:
        """Sign with the present secret: HMAC-SHA256, in hex."""
        return hmac.digest(self.secrets[self.key_id], text, "sha256").hex()

    def holds(self, key_id: str) -> bool:
        """Tell whether there is a secret of this name."""
        return key_id in self.secrets

    def is_signature(self, key_id: str, text: bytes, signature: str) -> bool:
        """Tell whether a signature was made of this text with the secret of this name."""
        secret = self.secrets.get(key_id)
        made = hmac.digest(secret, text, "sha256").hex() if secret is not None else ""
        return secret is not None and hmac.compare_digest(made.encode(), signature.encode(errors="replace"))


def load_keys(audit: Audit) -> Keys:
    """Read the secrets that the settings name."""
    signing = audit.signing_key.get_secret_value().encode()
    if not signing:
        raise AuditError("OVPO_AUDIT__SIGNING_KEY is empty; give it a long random secret")
    former = _former(audit.former_keys) if audit.former_keys else {}
    if former.get(audit.key_id, signing) != signing:
        raise AuditError(
            f"OVPO_AUDIT__KEY_ID: {audit.key_id} names another secret in OVPO_AUDIT__FORMER_KEYS; give it a new name"
        )
    return Keys(audit.key_id, {**former, audit.key_id: signing})


def _former(file: Path) -> dict[str, bytes]:
    try:
        read = msgspec.toml.decode(file.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise AuditError(f"OVPO_AUDIT__FORMER_KEYS: {file}: {error}; {_TAKES}") from None
    return {name: secret.encode() for name, secret in read.items()}
