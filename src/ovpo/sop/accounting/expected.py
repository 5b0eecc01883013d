# SPDX-License-Identifier: Apache-2.0
"""What the rows say lies in the object store: single objects, and prefixes below which anything may lie."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import psycopg

OBJECTS: Final = """
SELECT tenant_id, key FROM sop_videos,
       LATERAL (VALUES (source_key), (masked_key), (thumbnail_key)) AS kept (key)
WHERE state <> 'deleted' AND key IS NOT NULL
UNION ALL
SELECT tenant_id, key FROM sop_scores, LATERAL (VALUES (result_key), (report_key)) AS kept (key) WHERE key IS NOT NULL
"""
PAIRS: Final = """
SELECT tenant_id, key FROM sop_embeddings
UNION ALL SELECT tenant_id, key FROM sop_adapted
UNION ALL SELECT tenant_id, key FROM sop_adapters
"""
PREFIXES: Final = "SELECT result_key FROM sop_scores WHERE result_key IS NOT NULL"
SIDECAR: Final = ".json"


@dataclass(frozen=True, slots=True)
class Expected:
    """Which objects have to be there, whose they are, and below which prefixes more may be."""

    objects: dict[str, str]
    prefixes: frozenset[str]

    def knows(self, key: str) -> bool:
        """Tell whether an object is some row's."""
        return key in self.objects or key.rpartition("/")[0] in self.prefixes or is_kept_aside(key)


def is_kept_aside(key: str) -> bool:
    """Tell what no row speaks of by design: calibrations, which are made anew wherever they are missing."""
    parts = PurePosixPath(key).parts
    return len(parts) > 2 and parts[2] == "standards"


def expected(connection: psycopg.Connection) -> Expected:
    """Read what has to be there, of every tenant."""
    objects = {str(key): str(tenant_id) for tenant_id, key in connection.execute(OBJECTS)}
    for tenant_id, key in connection.execute(PAIRS):
        objects[key] = objects[str(PurePosixPath(key).with_suffix(SIDECAR))] = tenant_id
    prefixes = frozenset(key.rpartition("/")[0] for (key,) in connection.execute(PREFIXES))
    return Expected(objects, prefixes)
