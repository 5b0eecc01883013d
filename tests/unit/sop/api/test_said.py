# SPDX-License-Identifier: Apache-2.0
"""What is said of an upload: names without folders, operators without names."""

from hashlib import sha256

import pytest
from fastapi.exceptions import RequestValidationError

from ovpo.foundation.http.errors import ApiError
from ovpo.sop.api.said import described, name_of, operator_hash, said_of

SAID = {"task_id": "coffee", "role": "gold", "name": "a.mp4"}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a.mp4", "a.mp4"),
        ("C:\\Users\\anna\\a.mp4", "a.mp4"),
        ("../../etc/passwd", "passwd"),
        ("films/", "video"),
        ("", "video"),
        (" a.mp4 ", "a.mp4"),
        ("a\x1b[31m\u202e.mp4", "a?[31m?.mp4"),
        ("x" * 300 + ".mp4", "x" * 251 + ".mp4"),
    ],
)
def test_a_file_keeps_its_own_name_alone(file: str, name: str) -> None:
    assert name_of(file) == name


def test_an_operator_is_a_hash_and_nobody_is_nobody() -> None:
    assert operator_hash("anna") == sha256(b"anna").hexdigest()
    assert operator_hash("") == ""
    assert operator_hash("Ju\u0308rgen") == operator_hash("J\u00fcrgen")
    assert "anna" not in repr(described(said_of({**SAID, "operator_id": "anna"})))


@pytest.mark.parametrize("lacking", list(SAID))
def test_what_is_needed_is_named_when_it_is_missing(lacking: str) -> None:
    with pytest.raises(ApiError, match=f"{lacking}: is missing"):
        described(said_of({name: value for name, value in SAID.items() if name != lacking}))


@pytest.mark.parametrize("more", [{"tenant": "demo"}, {"role": "star"}, {"task_id": "../x"}, {"site_id": "a\0b"}])
def test_what_cannot_be_said_is_refused(more: dict[str, str]) -> None:
    with pytest.raises(RequestValidationError):
        said_of({**SAID, **more})
