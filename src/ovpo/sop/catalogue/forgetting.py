# SPDX-License-Identifier: Apache-2.0
"""Removing all that was made of a video's clips. Its own files and its scores are the business of others."""

import psycopg

from ovpo.foundation.objects.store import ObjectStore
from ovpo.sop.catalogue import files
from ovpo.sop.records.adapted import AdaptedEmbeddings
from ovpo.sop.records.embeddings import Embeddings
from ovpo.sop.records.rows import Video


def forget(connection: psycopg.Connection, objects: ObjectStore, video: Video) -> None:
    """Remove a video's embeddings, raw and adapted, rows and objects; may be called again.

    Belongs into the transaction that marks the video deleted, so that no run enters any more of it.
    """
    embeddings = Embeddings(connection)
    embeddings.lock_video(video.video_id)
    AdaptedEmbeddings(connection).forget(video.video_id)
    embeddings.forget(video.video_id)
    for folder in files.folders_of(video.tenant_id, video.video_id):
        for found in objects.list(folder):
            objects.delete(found.key)
