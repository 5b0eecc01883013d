# SPDX-License-Identifier: Apache-2.0
"""Where the bytes of the SOP wing lie in the object store; every key begins with the tenant's own prefix. Pure."""

from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

from ovpo.sop.embedding import Maker

ROOT: Final = "sop"


def of_tenant(tenant_id: str) -> str:
    """Give the prefix of everything that a tenant has."""
    return f"{ROOT}/{tenant_id}"


def of_video(tenant_id: str, video_id: UUID) -> str:
    """Give the prefix of a video's own files."""
    return f"{of_tenant(tenant_id)}/videos/{video_id}"


def of_embedding(tenant_id: str, video_id: UUID, maker: str) -> str:
    """Name the rows of a raw embedding; the sidecar ends in .json instead."""
    return f"{of_tenant(tenant_id)}/embeddings/{video_id}/{maker}.npy"


def of_adapted(tenant_id: str, video_id: UUID, adapter: str) -> str:
    """Name the rows that went through an adapter; the sidecar ends in .json instead."""
    return f"{of_tenant(tenant_id)}/adapted/{video_id}/{adapter}.npy"


def of_adapter(tenant_id: str, adapter: str) -> str:
    """Name an adapter's statistics; the sidecar ends in .json instead."""
    return f"{of_tenant(tenant_id)}/adapters/{adapter}.npz"


def of_score(tenant_id: str, score_id: UUID, run: str) -> str:
    """Give the prefix of what one run made of a score."""
    return f"{of_tenant(tenant_id)}/scores/{score_id}/{run}"


def digest_of(maker: Maker) -> str:
    """Name what makes an embedding, so that embeddings that may be compared have the same name."""
    return sha256(msgspec.json.encode(maker, order="deterministic")).hexdigest()[:16]
