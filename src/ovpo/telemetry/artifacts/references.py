# SPDX-License-Identifier: Apache-2.0
"""What a trace says of its artifacts: where each is, and what its bytes should be. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from ovpo.foundation.objects.content import BINARY, type_of
from ovpo.telemetry.contract.records import ArtifactManifest, ArtifactRef

PRIMARY: Final = "primary_output"
THUMBNAIL: Final = "thumbnail"


@dataclass(frozen=True, slots=True)
class Reference:
    """One mention of an artifact; what the sender did not say is None."""

    uri: str
    kind: str
    checksum: str | None
    """As `sha256:<hex>` or `md5:<hex>`."""
    size_bytes: int | None
    content_type: str | None


def of_manifest(text: str | None) -> Iterator[Reference]:
    """Give what a trace's manifest refers to, the primary output first."""
    if text is None:
        return
    manifest = msgspec.json.decode(text, type=ArtifactManifest)
    output = manifest.primary_output
    yield Reference(output.url, PRIMARY, output.checksum, output.file_size_bytes, _guessed(output.url))
    for one in manifest.intermediate_artifacts:
        yield Reference(one.url, one.type, one.checksum, None, _guessed(one.url))


def of_frame(text: str) -> Reference:
    """Give what one reference of a frame event says."""
    one = msgspec.json.decode(text, type=ArtifactRef)
    checksum = f"sha256:{one.sha256}" if one.sha256 else None
    return Reference(one.uri, one.kind, checksum, one.size_bytes, one.content_type or _guessed(one.uri))


def _guessed(uri: str) -> str | None:
    """Give the type that the end of the name tells, if it does."""
    found = type_of(uri.partition("?")[0])
    return None if found == BINARY else found
