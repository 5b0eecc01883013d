# SPDX-License-Identifier: Apache-2.0
"""Every artifact is told as it is: the same, changed, missing, or not looked at, with the reason."""

from hashlib import md5, sha256
from pathlib import Path

import pytest

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.settings.tree import Settings
from ovpo.telemetry.artifacts.places import Places
from ovpo.telemetry.artifacts.references import Reference
from ovpo.telemetry.artifacts.verdicts import Claim, Verdict, claims
from ovpo.telemetry.artifacts.verifying import verify

DATA = b"a frame" * 300_000
URI = "ovpo://tenants/demo/a"
KEY = "tenants/demo/a"
SHA256, MD5 = f"sha256:{sha256(DATA).hexdigest()}", f"md5:{md5(DATA, usedforsecurity=False).hexdigest()}"


@pytest.fixture
def settings(bare_environment: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def objects(settings: Settings) -> ObjectStore:
    return open_objects(settings.objects, settings.query, settings.home)


@pytest.fixture
def places(settings: Settings, objects: ObjectStore) -> Places:
    return Places(settings, objects)


def claim(uri: str = URI, *checksums: str, sizes: frozenset[int] = frozenset()) -> Claim:
    return Claim(uri, "latent", frozenset(checksums), sizes)


def test_an_artifact_is_ok_when_all_that_was_said_of_it_holds(places: Places, objects: ObjectStore) -> None:
    objects.put(KEY, DATA)
    read: list[int] = []
    found = verify(places, "demo", claim(URI, SHA256, MD5, sizes=frozenset({len(DATA)})), read.append)
    assert (found.verdict, found.detail, found.size_bytes) == (Verdict.OK, "md5, sha256", len(DATA))
    assert sum(read) == len(DATA)


@pytest.mark.parametrize(
    "said",
    [
        claim(URI, f"sha256:{'0' * 64}"),
        claim(URI, SHA256, f"md5:{'0' * 32}"),
        claim(URI, SHA256, f"sha256:{'0' * 64}"),
        claim(URI, SHA256, sizes=frozenset({1})),
        claim(URI, sizes=frozenset({1, len(DATA)})),
    ],
)
def test_an_artifact_is_changed_when_anything_that_was_said_does_not(
    places: Places, objects: ObjectStore, said: Claim
) -> None:
    objects.put(KEY, DATA)
    found = verify(places, "demo", said, lambda _: None)
    assert found.verdict is Verdict.CHANGED
    assert "the trace says" in found.detail


def test_what_is_not_there_is_missing_whatever_was_said(places: Places) -> None:
    for said in (claim(URI, SHA256), claim(URI), claim(URI, sizes=frozenset({3}))):
        assert verify(places, "demo", said, lambda _: None).verdict is Verdict.MISSING


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (claim("https://cdn.example/a", SHA256), "https is not fetched"),
        (claim("s3://renders/a", SHA256), "OVPO_ARTIFACTS__ROOTS"),
        (claim("ovpo://tenants/other/a", SHA256), "tenants/<tenant_id>/"),
        (claim(URI), "no whole checksum"),
        (claim(URI, f"sha256:{'0' * 32}", f"md5:{'0' * 64}"), "no whole checksum"),
    ],
)
def test_what_is_not_looked_at_says_why(places: Places, objects: ObjectStore, said: Claim, reason: str) -> None:
    objects.put(KEY, DATA)
    found = verify(places, "demo", said, lambda _: None)
    assert found.verdict is Verdict.NOT_CHECKED
    assert reason in found.detail


def test_a_size_alone_is_better_than_nothing(places: Places, objects: ObjectStore) -> None:
    objects.put(KEY, DATA)
    found = verify(places, "demo", claim(URI, sizes=frozenset({len(DATA)})), lambda _: None)
    assert (found.verdict, found.detail[:9]) == (Verdict.OK, "its size ")


def test_an_artifact_that_is_mentioned_often_is_one_with_all_that_was_said() -> None:
    def said(uri: str, checksum: str | None, size: int | None) -> Reference:
        return Reference(uri, "thumbnail", checksum, size, None)

    assert claims([said("a", SHA256, None), said("b", None, None), said("a", MD5, 3), said("a", None, 3)]) == [
        Claim("a", "thumbnail", frozenset({SHA256, MD5}), frozenset({3})),
        Claim("b", "thumbnail", frozenset(), frozenset()),
    ]
