# SPDX-License-Identifier: Apache-2.0
import hashlib
import os
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace

from ovpo.sop.errors import VideoError
from ovpo.sop.video.limits import Limits
from ovpo.sop.video.probing import facts, probe
from ovpo.sop.video.samples import Sampling
from ovpo.sop.video.sampling import sample
from tests.integration.sop.video.films import Film, boxes, hum, shoot, steady

NTSC = Fraction(30_000, 1001)


def test_a_phone_video_is_described_as_a_player_shows_it(tmp_path: Path) -> None:
    path = shoot(tmp_path / "phone.mp4", Film(steady(4, NTSC), rate=NTSC, rotation=-90, sound=True))
    found = probe(path)
    assert (found.container, found.codec, found.has_audio, found.variable) == ("mp4", "h264", True, False)
    assert (found.coded_width, found.coded_height, found.width, found.height) == (64, 48, 48, 64)
    assert (found.rotation, found.mirrored, found.pixel_aspect_ratio) == (90, False, 1)
    assert found.frames == 120
    assert found.seconds == pytest.approx(4.004, abs=0.001)
    assert found.frames_per_second == pytest.approx(29.97, abs=0.01)
    assert (found.bytes, found.sha256) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize(("rotation", "flipped", "seen"), [(90, False, (270, False)), (180, False, (180, False))])
def test_the_turn_is_counted_clockwise(tmp_path: Path, rotation: float, flipped: bool, seen: tuple[int, bool]) -> None:
    found = probe(shoot(tmp_path / "a.mp4", Film(steady(1), rotation=rotation, flipped=flipped)))
    assert (found.rotation, found.mirrored) == seen


def test_a_mirrored_video_is_called_so(tmp_path: Path) -> None:
    assert probe(shoot(tmp_path / "a.mp4", Film(steady(1), rotation=0, flipped=True))).mirrored


def test_pixels_that_are_not_square_are_shown_wider(tmp_path: Path) -> None:
    found = probe(shoot(tmp_path / "a.mkv", Film(steady(1), pixel=Fraction(4, 3), format="matroska", sound=True)))
    assert (found.coded_width, found.width, found.height) == (64, 85, 48)
    assert found.pixel_aspect_ratio == pytest.approx(4 / 3)


@pytest.mark.parametrize(("format", "name"), [("mp4", "mp4"), ("matroska", "matroska"), ("mpegts", "mpeg-ts")])
def test_a_varying_rate_is_told_from_a_steady_one(tmp_path: Path, format: str, name: str) -> None:  # noqa: A002
    times = [*steady(1), *(1 + Fraction(index, 10) for index in range(10))]
    varying = probe(shoot(tmp_path / "varying", Film(times, format=format)))
    even = probe(shoot(tmp_path / "even", Film(steady(2, NTSC), rate=NTSC, format=format)))
    assert (varying.container, varying.variable, even.variable) == (name, True, False)


def test_the_name_of_a_file_says_nothing(tmp_path: Path) -> None:
    path = shoot(tmp_path / "film.txt", Film(steady(1)))
    assert probe(path).container == "mp4"


def test_a_result_keeps_the_facts(tmp_path: Path) -> None:
    path = shoot(tmp_path / "a.mp4", Film(steady(2)))
    found = probe(path)
    kept = facts(path, found, clips=8)
    assert (kept.name, kept.sha256, kept.seconds, kept.clips) == ("a.mp4", found.sha256, 2.0, 8)
    assert (kept.width, kept.height, kept.frames_per_second) == (64, 48, 25.0)


def test_a_name_that_is_no_utf8_becomes_text(tmp_path: Path) -> None:
    path = shoot(tmp_path / "a.mp4", Film(steady(1))).rename(tmp_path / os.fsdecode(b"g\xff\xc3\xa4.mp4"))
    kept = facts(path, probe(path), clips=4)
    assert kept.name == "g\ufffdä.mp4"


def _refused(path: Path, limits: Limits | None = None) -> VideoError:
    with pytest.raises(VideoError) as refused:
        probe(path, limits)
    assert path.name in str(refused.value)
    assert str(path.parent) not in str(refused.value)
    return refused.value


CONTENTS = {
    "empty": b"",
    "text": b"step,start,end\npick,0,2\n",
    "web_page": b"\n<!DOCTYPE html><html><title>403 Forbidden</title></html>",
    "playlist": b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
    "image": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "archive": b"PK\x03\x04" + bytes(100),
    "document": b"%PDF-1.7\n%\xe2\xe3",
    "audio": b"RIFF\x24\0\0\0WAVEfmt " + bytes(40),
    "raw_video": b"\0\0\0\x01\x67\x42\xc0\x1e" + bytes(50),
    "blank": bytes(10_000),
    "unknown": b"\x8f\x01\x02\x03\x00\x11" * 50,
    "no_index": b"\0\0\0\x18ftypisom\0\0\x02\0isommp42" + b"\0\0\x27\x10mdat" + bytes(9992),
    "not_readable": b"\x1a\x45\xdf\xa3" + bytes(range(256)),
}


@pytest.mark.parametrize("code", CONTENTS)
def test_what_is_no_video_is_refused_by_what_it_is(tmp_path: Path, code: str) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(CONTENTS[code])
    assert _refused(path).code == code


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert _refused(tmp_path / "none.mp4").code == "missing"
    folder = tmp_path / "folder.mp4"
    folder.mkdir()
    assert _refused(folder).code == "not_a_file"


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    refused = _refused(hum(tmp_path / "hum.mp4"))
    assert refused.code == "no_video"
    assert "sound without pictures" in str(refused)


@pytest.mark.parametrize(
    ("film", "code"),
    [
        (Film(steady(8)), "truncated"),
        (Film(steady(8), muxer={"movflags": "faststart"}), "truncated"),
        (Film(steady(8), format="matroska", sound=True), "truncated"),
        (Film(steady(8), format="avi"), "truncated"),
        (Film(steady(8), format="flv"), "truncated"),
    ],
    ids=["mp4", "mp4 with its index first", "matroska", "avi", "flv"],
)
def test_half_a_file_is_refused_with_what_to_do(tmp_path: Path, film: Film, code: str) -> None:
    whole = shoot(tmp_path / "whole", film).read_bytes()
    half = tmp_path / "half.mp4"
    half.write_bytes(whole[: len(whole) // 2])
    refused = _refused(half)
    assert refused.code == code
    assert "copy it again in full" in str(refused)


def test_sound_that_goes_on_after_the_pictures_is_no_damage(tmp_path: Path) -> None:
    film = Film([*steady(2), Fraction(10)], format="matroska", sound=True)
    assert probe(shoot(tmp_path / "a.mkv", film)).seconds == pytest.approx(10.04, abs=0.01)


def test_limits_are_kept_and_named(tmp_path: Path) -> None:
    path = shoot(tmp_path / "a.mp4", Film(steady(2)))
    kept = Limits(max_bytes=path.stat().st_size, max_pixels=64 * 48, max_seconds=2, max_pictures=50, min_seconds=2)
    assert probe(path, kept).frames == 50
    for changed, code in (
        (replace(kept, max_bytes=kept.max_bytes - 1), "too_many_bytes"),
        (replace(kept, max_pixels=64 * 48 - 1), "too_many_pixels"),
        (replace(kept, max_seconds=1.9), "too_long"),
        (replace(kept, max_pictures=49), "too_many_pictures"),
        (replace(kept, min_seconds=2.1), "too_short"),
        (replace(kept, min_side=50), "too_small"),
    ):
        assert _refused(path, changed).code == code


@pytest.mark.parametrize("format", ["mp4", "matroska", "mpegts", "flv", "avi"])
def test_pictures_that_are_too_large_are_refused_before_one_is_decoded(tmp_path: Path, format: str) -> None:  # noqa: A002
    path = shoot(tmp_path / "a", Film(steady(1), format=format))
    with pytest.raises(VideoError, match="64 x 48, 1,000 pixels are allowed") as refused:
        list(sample(path, Sampling(), limits=Limits(max_pixels=1000)))
    assert refused.value.code == "too_many_pixels"


def test_headers_that_claim_absurd_things_are_refused(tmp_path: Path) -> None:
    whole = shoot(tmp_path / "whole.mp4", Film(steady(2))).read_bytes()
    large = bytearray(whole)
    (entry,) = boxes(whole, b"avc1")[-1:]
    large[entry + 24 : entry + 28] = (30_000).to_bytes(2) * 2
    many = bytearray(whole)
    (counts,) = boxes(whole, b"stsz")
    many[counts + 4 : counts + 12] = (7).to_bytes(4) + (150_000_000).to_bytes(4)
    slow = bytearray(whole.replace(b"edts", b"free"))
    (scale,) = boxes(whole, b"mdhd")
    slow[scale + 12 : scale + 20] = (1).to_bytes(4) + (2**31).to_bytes(4)
    for data, codes in ((large, {"too_many_pixels"}), (many, {"too_many_pictures"}), (slow, {"too_long"})):
        path = tmp_path / "absurd.mp4"
        path.write_bytes(data)
        assert _refused(path).code in codes
