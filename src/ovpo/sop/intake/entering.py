# SPDX-License-Identifier: Apache-2.0
"""How a file that lies in the object store becomes a video on record that somebody will look over."""

from dataclasses import replace
from datetime import datetime
from uuid import uuid4

import psycopg

from ovpo.foundation.ledger.items import Arrival
from ovpo.foundation.ledger.session import Session
from ovpo.sop.records.rows import Video
from ovpo.sop.records.videos import Duplicate, NewVideo, Videos
from ovpo.sop.working import PROBE


def enter(connection: psycopg.Connection, new: NewVideo, now: datetime) -> Video | Duplicate:
    """Put a video on record together with the work of looking it over, or give the one that has its content."""
    entered = Videos(connection).enter(new, now)
    if isinstance(entered, Video):
        subject = str(entered.video_id)
        arrival = Arrival(entered.tenant_id, subject, subject)
        Session(connection).register(PROBE, [(uuid4(), arrival)], now, window=entered.window_start)
    return entered


def enter_upload(connection: psycopg.Connection, new: NewVideo, now: datetime) -> Video | Duplicate:
    """Do the same for a file that was uploaded: it lies in no inbox, and belongs to the hour of its upload.

    Of a duplicate the caller removes the file that it stored.
    """
    return enter(connection, replace(new, inbox_path=None, window_start=now), now)
