# SPDX-License-Identifier: Apache-2.0
"""The sensor: it registers, tells numbers and no names, and asks for no run."""

import dagster as dg

from ovpo.sop.intake.arrivals import Discovered
from resources.inbox import Inbox
from resources.sop import Sop
from sensors.watch_folder import told, watch_folder
from tests.integration.sop.intake.conftest import Bench


def test_each_look_of_the_sensor_registers_what_is_new_and_says_so_in_numbers(bench: Bench) -> None:
    settings = bench.place.settings
    bench.lay("coffee--anna_trainee.mp4", b"video")
    resources = {"sop": Sop(settings=settings), "inbox": Inbox(settings=settings)}
    with dg.build_sensor_context(resources=resources) as context:
        seen = [watch_folder(context) for _ in range(2)]
    assert [skip.skip_message for skip in seen if isinstance(skip, dg.SkipReason)] == [
        "1 new, 0 waiting for their turn, 0 still growing, 0 refused.",
        "0 new, 1 waiting for their turn, 0 still growing, 0 refused.",
    ]


def test_what_can_be_neither_read_nor_moved_is_told() -> None:
    assert told(Discovered(refused=2, growing=1, stuck=3)) == (
        "0 new, 0 waiting for their turn, 1 still growing, 2 refused, 3 that can be neither read nor moved."
    )
