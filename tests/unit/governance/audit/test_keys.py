# SPDX-License-Identifier: Apache-2.0
"""The secrets that sign: which one does, which ones did, and what is said when they do not fit together."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from ovpo.foundation.settings.tree import Audit
from ovpo.governance.audit.errors import AuditError
from ovpo.governance.audit.keys import load_keys


def audit(**values: object) -> Audit:
    return Audit.model_validate({"signing_key": SecretStr("now"), "key_id": "ovpo-2", **values})


def test_a_signature_is_good_for_its_text_and_its_key_only() -> None:
    keys = load_keys(audit())
    signature = keys.sign(b"text")
    assert len(signature) == 64
    assert keys.is_signature("ovpo-2", b"text", signature)
    assert not keys.is_signature("ovpo-2", b"texT", signature)
    assert not keys.is_signature("ovpo-1", b"text", signature)
    assert not keys.is_signature("ovpo-1", b"text", "")
    assert not keys.is_signature("ovpo-2", b"text", "é")


def test_former_secrets_check_and_do_not_sign(tmp_path: Path) -> None:
    file = tmp_path / "former.toml"
    file.write_text('"ovpo-1" = "before"\n')
    before = load_keys(audit(signing_key=SecretStr("before"), key_id="ovpo-1")).sign(b"text")
    keys = load_keys(audit(former_keys=file))
    assert keys.is_signature("ovpo-1", b"text", before)
    assert keys.sign(b"text") != before


def test_an_empty_secret_is_named_by_its_setting() -> None:
    with pytest.raises(AuditError, match="OVPO_AUDIT__SIGNING_KEY is empty"):
        load_keys(Audit())


def test_one_name_for_two_secrets_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "former.toml"
    file.write_text('"ovpo-2" = "before"\n')
    with pytest.raises(AuditError, match="OVPO_AUDIT__KEY_ID: ovpo-2 names another secret"):
        load_keys(audit(former_keys=file))


@pytest.mark.parametrize("text", ["not toml", "a = 1\n", "[section]\n"])
def test_a_file_of_former_secrets_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "former.toml"
    file.write_text(text)
    with pytest.raises(AuditError, match=r'OVPO_AUDIT__FORMER_KEYS: .*takes TOML, lines of "name" = "secret"'):
        load_keys(audit(former_keys=file))


def test_no_secret_shows_in_what_is_printed_of_keys() -> None:
    assert "now" not in repr(load_keys(audit()))
