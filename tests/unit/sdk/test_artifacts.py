# SPDX-License-Identifier: Apache-2.0
"""References to what a run wrote, made by the builders or by hand."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.telemetry.contract.validators import validators
from ovpo_sdk.artifacts import artifact, file_uri, intermediate, manifest, primary_output
from ovpo_sdk.records import ArtifactRef, Costs, IntermediateArtifact, Manifest, PrimaryOutput, Provenance
from ovpo_sdk.shaping.structs import shaped_costs, shaped_struct
from ovpo_sdk.shaping.unsound import Unsound
from ovpo_sdk.shaping.uris import uri_problem

DIGEST = hashlib.sha256(b"frames").hexdigest()
TRACE = {
    "type": "trace",
    "schema_version": "0.08",
    "trace_id": "1f3c1f0e-5d1f-4c55-9d9e-2c8ff7f5a002",
    "tenant_id": "acme",
    "status": "COMPLETED",
    "pipeline_config": {},
    "input_context": {"prompt_hash": DIGEST},
    "created_at": "2026-01-01T00:00:00Z",
}
EVENT = {
    "type": "event",
    "schema_version": "0.08",
    "event_id": "1f3c1f0e-5d1f-4c55-9d9e-2c8ff7f5a003",
    "trace_id": "1f3c1f0e-5d1f-4c55-9d9e-2c8ff7f5a002",
    "span_id": "1f3c1f0e-5d1f-4c55-9d9e-2c8ff7f5a001",
    "event_type": "frame_generated",
    "observed_at": "2026-01-01T00:00:00Z",
    "frame_index": 0,
    "media_time_ms": 0,
}


def takes_uri(uri: str) -> bool:
    event = {**EVENT, "artifact_refs": [{"kind": "mask", "uri": uri}]}
    return validators().items["event"].is_valid(event)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "a red fox.mp4"
    path.write_bytes(b"frames")
    return path


def test_a_file_gives_checksum_size_format_and_place(video: Path) -> None:
    output = primary_output(file_uri(video), path=video, codec="h264", resolution="64x48", duration_sec=2)
    assert output == PrimaryOutput(file_uri(video), "mp4", f"sha256:{DIGEST}", "h264", "64x48", 2.0, 6)
    latents = intermediate("latent", "s3://bucket/latents.npy", path=video, ttl_hours=24)
    assert isinstance(latents, IntermediateArtifact)
    assert latents.checksum == f"sha256:{DIGEST}"
    whole = manifest(output, latents)
    assert isinstance(whole, Manifest)
    validators().items["trace"].validate({**TRACE, "output_manifest": msgspec.to_builtins(whole)})
    assert shaped_struct(whole, "output", pytest.fail) == whole


def test_a_thumbnail_is_referred_to_with_what_its_file_says(video: Path) -> None:
    thumbnail = artifact("thumbnail", "https://example.com/t.webp?sig=1", path=video, ttl_hours=1)
    assert thumbnail == ArtifactRef("thumbnail", "https://example.com/t.webp?sig=1", DIGEST, "video/mp4", 6, 1)
    webp = ArtifactRef("thumbnail", "s3://bucket/t.webp", content_type="image/webp")
    assert artifact("thumbnail", "s3://bucket/t.webp") == webp
    assert artifact("thumbnail", "s3://bucket/t") == ArtifactRef("thumbnail", "s3://bucket/t")


def test_what_is_given_wins_over_the_file(video: Path) -> None:
    output = primary_output("s3://bucket/v", path=video, format="mov", checksum="md5:" + "a" * 32, file_size_bytes=9)
    assert output == PrimaryOutput("s3://bucket/v", "mov", "md5:" + "a" * 32, file_size_bytes=9)


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: artifact("", "s3://b/k"), "kind"),
        (lambda: artifact("k" * 65, "s3://b/k"), "kind"),
        (lambda: artifact("mask", "http://b/k"), "uri begins with none of s3://"),
        (lambda: artifact("mask", "s3://b/a key"), "uri holds a character"),
        (lambda: artifact("mask", "s3://b/" + "k" * 2048), "uri has 2055 characters"),
        (lambda: artifact("mask", "s3://b/k", sha256="A" * 64), "sha256"),
        (lambda: artifact("mask", "s3://b/k", size_bytes=-1), "size_bytes"),
        (lambda: artifact("mask", "s3://b/k", ttl_hours=0), "ttl_hours"),
        (lambda: artifact("mask", "s3://b/k", content_type="x" * 129), "content_type"),
        (lambda: artifact("mask", "s3://b/k", path="/nowhere/at/all"), "path cannot be read"),
        (lambda: primary_output("s3://b/k.mp4"), "checksum is missing; write path="),
        (lambda: primary_output("s3://b/k.mp4", checksum="sha1:" + "a" * 40), "checksum"),
        (lambda: primary_output("s3://b/k", checksum="sha256:" + "a" * 64), "format"),
        (lambda: primary_output("s3://b/k.mp4", checksum="sha256:" + "a" * 64, resolution="720p"), "resolution"),
        (
            lambda: primary_output("s3://b/k.mp4", checksum="sha256:" + "a" * 64, duration_sec=float("nan")),
            "duration_sec",
        ),
        (lambda: intermediate("latent", "s3://b/k"), "checksum"),
    ],
)
def test_an_argument_that_cannot_be_sent_is_named_and_nothing_is_raised(
    build: Callable[[], object], field: str
) -> None:
    made = build()
    assert isinstance(made, Unsound)
    assert made.message.partition(": ")[2].startswith(field)


def test_what_is_no_regular_file_is_not_read(tmp_path: Path, video: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/null"):
        made = artifact("mask", "s3://b/k", path=path)
        assert made == Unsound("artifact: path is no regular file; write the path of a finished file")
    for path in (video / "below", "a\0b", "n" * 300):
        assert isinstance(primary_output("s3://b/k.mp4", path=path), Unsound)


def test_what_fails_while_a_file_is_read_is_told(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("hashlib.file_digest", torn)
    assert intermediate("latent", "s3://b/k", path=video) == Unsound(
        "intermediate: path cannot be read (Permission denied); write the path of a finished file"
    )


@pytest.mark.parametrize("junk", [None, 7, b"k", object(), ["k"], "\ud800", ""])
def test_junk_for_an_argument_never_raises(junk: Any) -> None:
    builders: list[Callable[..., object]] = [artifact, intermediate]
    for build in builders:
        assert isinstance(build(junk, "s3://b/k"), Unsound)
        assert isinstance(build("mask", junk), Unsound)
        assert isinstance(build("mask"), Unsound)
        assert isinstance(build("mask", "s3://b/k", no_such=junk), Unsound)
    assert isinstance(primary_output(junk), Unsound)
    for name in ("path", "sha256", "size_bytes", "ttl_hours", "content_type"):
        artifact("mask", "s3://b/k", **{name: junk})
    for name in ("path", "checksum", "format", "resolution", "duration_sec", "file_size_bytes"):
        primary_output("s3://b/k.mp4", **{name: junk})
    manifest(junk, junk)
    artifact("mask", file_uri(junk))


@pytest.mark.parametrize("path", [None, 7, "\ud800", b"k"])
def test_what_is_no_path_has_no_place(path: Any) -> None:
    assert file_uri(path) == ""
    assert isinstance(artifact("mask", file_uri(path)), Unsound)


def test_a_file_whose_name_is_no_text_has_a_uri() -> None:
    assert file_uri(os.fsdecode(b"/videos/\xff.mp4")) == "file:///videos/%FF.mp4"


def test_a_manifest_of_an_unsound_part_is_unsound_with_its_message(video: Path) -> None:
    sound, torn = primary_output("s3://b/k.mp4", path=video), intermediate("latent", "latents.npy", path=video)
    assert isinstance(torn, Unsound)
    assert manifest(sound, torn) is torn
    unsound = primary_output("clip.mp4", path=video)
    assert manifest(unsound, torn) is unsound
    assert isinstance(manifest(sound), Manifest)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_a_file_with_any_name_has_a_uri_that_the_collector_takes(name: str) -> None:
    uri = file_uri(f"/videos/{name}")
    assert takes_uri(uri)
    assert uri_problem(uri) is None
    assert unquote(urlsplit(uri).path).startswith("/videos")


@given(
    st.one_of(
        st.text(max_size=20).map("s3://bucket/".__add__),
        st.text("ab:/?#[]@!$&'()*+,;=%20 .~\\^|é", max_size=20).map("https://".__add__),
        st.from_regex(r"(s3|gs|azure|https|ovpo|file|http)://[a-z0-9.:@/?#%\[\]-]*", fullmatch=True),
    )
)
def test_a_uri_without_a_problem_is_one_that_the_collector_takes(uri: str) -> None:
    if uri_problem(uri) is None:
        assert takes_uri(uri)


def test_a_record_made_by_hand_is_held_to_the_contract() -> None:
    told: list[str] = []
    bad: list[Any] = [
        ArtifactRef("mask", "http://b/k"),
        ArtifactRef("mask", "s3://b/a key"),
        ArtifactRef("m\0", "s3://b/k"),
        ArtifactRef("\ud800", "s3://b/k"),
        ArtifactRef("mask", "s3://b/k", size_bytes=-1),
        ArtifactRef(object(), "s3://b/k"),  # type: ignore[arg-type]
        Manifest(PrimaryOutput("s3://b/k", "mp4", "sha256:abc")),
        Provenance("sdk", "v" * 65),
        Costs(project="p" * 129),
    ]
    for record in bad:
        assert shaped_struct(record, "it", told.append) is None
    assert len(told) == len(bad)
    assert all(message.startswith("it ") and "; " in message for message in told)
    good = ArtifactRef("mask", "s3://b/k")
    assert shaped_struct(good, "it", told.append) == good
    assert len(told) == len(bad)


def test_costs_keep_the_tags_that_are_sound() -> None:
    told: list[str] = []
    costs = Costs(project="fox", tags={"team": "video", "Bad Name": "x", "long": "ä" * 200})
    assert shaped_costs(costs, told.append) == Costs(project="fox", tags={"team": "video"})
    assert len(told) == 2
