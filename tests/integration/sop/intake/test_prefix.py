# SPDX-License-Identifier: Apache-2.0
"""The watched prefix of a bucket, against an S3 and a GCS server; the same work as with a folder."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from ovpo.foundation.objects.connect import open_bucket
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.settings import tree
from ovpo.foundation.settings.faults import SettingsError
from ovpo.sop.intake.arrivals import Discovered, discover
from ovpo.sop.intake.errors import ArrivalGoneError
from ovpo.sop.intake.folder import FolderInbox
from ovpo.sop.intake.inbox import Inbox, open_inbox
from ovpo.sop.intake.prefix import PrefixInbox
from ovpo.sop.intake.probing import probe
from ovpo.sop.intake.registering import register
from ovpo.sop.records.rows import VideoState
from ovpo.sop.working import Worked
from tests.integration.objects.conftest import BUCKET
from tests.integration.sop.intake.conftest import Bench

MakeFilm = Callable[[], bytes]


@dataclass(frozen=True)
class Watched:
    """A bucket as its senders see it, and the inbox in it."""

    store: ObjectStore
    prefix: str
    inbox: Inbox

    def lay(self, path: str, content: bytes) -> None:
        self.store.put(f"{self.prefix}/{path}", content)

    @property
    def paths(self) -> set[str]:
        return {info.key.removeprefix(f"{self.prefix}/") for info in self.store.list(self.prefix)}

    def said(self, path: str) -> dict[str, str]:
        return dict(json.loads(self.store.get(f"{self.prefix}/{path}")))


@pytest.fixture(params=["s3", "gs"])
def watched(request: pytest.FixtureRequest, bench: Bench) -> Watched:
    prefix = f"inboxes/{uuid4().hex}"
    if request.param == "s3":
        objects = tree.Objects(
            endpoint=request.getfixturevalue("s3_url"), access_key_id="ovpo", secret_access_key=SecretStr("s3cret")
        )
    else:
        silent, _ = request.getfixturevalue("service_accounts")
        objects = tree.Objects(
            url=f"gs://{BUCKET}/own", endpoint=request.getfixturevalue("gcs_url"), service_account=silent
        )
    settings = bench.place.settings
    chosen = settings.sop.model_copy(update={"inbox": f"{request.param}://{BUCKET}/{prefix}/"})
    opened = open_inbox(settings.model_copy(update={"objects": objects, "sop": chosen}))
    assert isinstance(opened, PrefixInbox)
    return Watched(open_bucket(request.param, BUCKET, objects, tree.Artifacts()), prefix, opened)


def test_objects_go_the_same_way_as_files(bench: Bench, watched: Watched, film: MakeFilm) -> None:
    good = film()
    watched.lay("espresso/trainee/Übung 1.mp4", good)
    watched.lay("espresso/trainee/half.mp4.part", b"half")
    watched.lay("espresso/gold/text.mp4", b"text " * (bench.hours.first.hour + 1))
    assert discover(bench.place, watched.inbox) == Discovered(registered=2)
    assert discover(bench.place, watched.inbox) == Discovered(known=2)
    assert register(bench.place, watched.inbox, bench.hours) == Worked(finished=1, quarantined=1)
    assert probe(bench.place, watched.inbox, bench.hours) == Worked(finished=1)
    assert [video.state for video in bench.videos()] == [VideoState.PROBED]
    assert watched.paths == {
        "espresso/trainee/half.mp4.part",
        "processed/espresso/trainee/Übung 1.mp4",
        "processed/espresso/trainee/Übung 1.mp4.json",
        "failed/espresso/gold/text.mp4",
        "failed/espresso/gold/text.mp4.json",
    }
    assert watched.store.get(f"{watched.prefix}/processed/espresso/trainee/Übung 1.mp4") == good
    assert watched.said("failed/espresso/gold/text.mp4.json")["reason_code"] == "text"
    assert discover(bench.place, watched.inbox) == Discovered()


def test_an_empty_object_is_refused(bench: Bench, watched: Watched) -> None:
    watched.lay("a_gold.mp4", b"")
    assert discover(bench.place, watched.inbox) == Discovered(refused=1)
    assert watched.said("failed/a_gold.mp4.json")["reason_code"] == "empty"


@pytest.mark.parametrize("watched", ["s3"], indirect=True)
def test_folders_that_a_console_made_are_no_objects(bench: Bench, watched: Watched, s3_url: str) -> None:
    for folder in ("tea/", "tea/gold/"):
        assert httpx.put(f"{s3_url}/{BUCKET}/{watched.prefix}/{folder}").is_success
    watched.lay("tea/gold/a.mp4", b"x")
    assert discover(bench.place, watched.inbox) == Discovered(registered=1)


def test_an_object_that_is_gone_or_another_when_its_turn_comes_is_canceled(
    bench: Bench, watched: Watched, film: MakeFilm
) -> None:
    watched.lay("a_gold.mp4", film())
    watched.lay("b_gold.mp4", film())
    discover(bench.place, watched.inbox)
    found = {one.path: one for one in watched.inbox.scan(10).found}
    watched.store.delete(f"{watched.prefix}/a_gold.mp4")
    watched.lay("b_gold.mp4", film() + b"\0\0\0\x08free")
    for path in ("a_gold.mp4", "b_gold.mp4"):
        with pytest.raises(ArrivalGoneError):
            list(watched.inbox.open(found[path]))
    assert register(bench.place, watched.inbox, bench.hours) == Worked(canceled=2)
    assert discover(bench.place, watched.inbox) == Discovered(registered=1)
    assert register(bench.place, watched.inbox, bench.hours) == Worked(finished=1)


def test_a_move_that_was_cut_off_ends_at_the_same_place_and_the_same_name_again_gets_a_mark(
    bench: Bench, watched: Watched, film: MakeFilm, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.lay("a_gold.mp4", film())
    discover(bench.place, watched.inbox)
    assert register(bench.place, watched.inbox, bench.hours) == Worked(finished=1)
    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "delete", lambda *_: (_ for _ in ()).throw(RuntimeError("cut off")))
        assert probe(bench.place, watched.inbox, bench.hours) == Worked(failed=1)
    assert watched.paths == {"a_gold.mp4", "processed/a_gold.mp4", "processed/a_gold.mp4.json"}
    assert probe(bench.run("run-2").place, watched.inbox, bench.hours) == Worked(finished=1)
    assert watched.paths == {"processed/a_gold.mp4", "processed/a_gold.mp4.json"}
    watched.lay("a_gold.mp4", film())
    (found,) = watched.inbox.scan(10).found
    discover(bench.place, watched.inbox)
    register(bench.place, watched.inbox, bench.hours)
    probe(bench.place, watched.inbox, bench.hours)
    marked = f"processed/a_gold~{found.digest[:8]}.mp4"
    assert watched.paths == {"processed/a_gold.mp4", "processed/a_gold.mp4.json", marked, f"{marked}.json"}


def test_the_usual_inbox_is_made_and_another_has_to_be_there(bench: Bench) -> None:
    settings = bench.place.settings

    def opened(inbox: str, **objects: object) -> Inbox:
        sop = settings.sop.model_copy(update={"inbox": inbox})
        given = settings.objects.model_copy(update=objects)
        return open_inbox(settings.model_copy(update={"sop": sop, "objects": given}))

    usual = opened("")
    assert isinstance(usual, FolderInbox)
    assert (settings.home / "inbox").is_dir()
    assert usual.scan(1).found == ()
    with pytest.raises(SettingsError, match=r"OVPO_SOP__INBOX: .*ACCESS_KEY_ID"):
        opened("s3://bucket/in", access_key_id="only")
