# SPDX-License-Identifier: Apache-2.0
"""What a trace says of its artifacts is read as it was said."""

import orjson

from ovpo.telemetry.artifacts.references import Reference, of_frame, of_manifest

SUM = f"sha256:{'a' * 64}"


def test_a_manifest_gives_its_primary_output_first() -> None:
    output = {"url": "s3://b/clip.mp4", "format": "mp4", "checksum": SUM, "file_size_bytes": 7}
    between = {"type": "latent", "url": "gs://b/latent", "checksum": f"md5:{'b' * 32}"}
    text = orjson.dumps({"primary_output": output, "intermediate_artifacts": [between]}).decode()
    assert list(of_manifest(text)) == [
        Reference("s3://b/clip.mp4", "primary_output", SUM, 7, "video/mp4"),
        Reference("gs://b/latent", "latent", f"md5:{'b' * 32}", None, None),
    ]
    assert list(of_manifest(None)) == []


def test_a_frame_says_its_own_type_or_its_name_tells() -> None:
    said = {"kind": "thumbnail", "uri": "ovpo://tenants/a/1.png", "content_type": "image/webp", "sha256": "a" * 64}
    assert of_frame(orjson.dumps(said).decode()) == Reference(said["uri"], "thumbnail", SUM, None, "image/webp")
    short = {"kind": "x", "uri": "https://c.example/1.png?sig=a.b", "size_bytes": 3}
    assert of_frame(orjson.dumps(short).decode()) == Reference(str(short["uri"]), "x", None, 3, "image/png")
