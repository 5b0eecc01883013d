# SPDX-License-Identifier: Apache-2.0
"""Nothing is signed but what lies in a root that is open to the tenant."""

from pathlib import Path

import pytest

from ovpo.foundation.settings.faults import SettingsError
from ovpo.telemetry.artifacts import roots
from ovpo.telemetry.artifacts.uris import location


@pytest.mark.parametrize(
    ("root", "uri"),
    [
        ("s3://renders", "s3://renders/a/b"),
        ("s3://renders/out", "s3://renders/out/a"),
        ("s3://renders/out/", "s3://renders/out/a"),
        ("gs://renders/{tenant_id}", "gs://renders/acme/a"),
        ("gs://renders-{tenant_id}/out", "gs://renders-acme/out/a"),
        ("azure://renders,s3://renders", "azure://renders/a"),
        ("file:///srv/{tenant_id}/out", "file:///srv/acme/out/a"),
    ],
)
def test_what_lies_in_a_root_is_open(root: str, uri: str) -> None:
    assert roots.opens(roots.parse(root), "acme", location(uri))


@pytest.mark.parametrize(
    ("root", "uri"),
    [
        ("", "s3://renders/a"),
        ("s3://renders", "gs://renders/a"),
        ("s3://renders", "s3://renders2/a"),
        ("s3://renders/out", "s3://renders/out"),
        ("s3://renders/out", "s3://renders/out2/a"),
        ("s3://renders/{tenant_id}", "s3://renders/other/a"),
        ("s3://renders/{tenant_id}", "s3://renders/acme2/a"),
        ("s3://renders/{tenant_id}", "s3://renders/%7Btenant_id%7D/a"),
        ("s3://{tenant_id}", "s3://other/a"),
        ("file:///srv/{tenant_id}", "file:///srv/other/a"),
    ],
)
def test_what_lies_beside_it_is_not(root: str, uri: str) -> None:
    opened = roots.parse(root)
    assert not roots.opens(opened, "acme", location(uri))
    assert roots.file_at(opened, "acme", location(uri)) is None


@pytest.mark.parametrize("tenant", ["-", "a", "x" * 128])
def test_a_tenant_whose_id_names_no_bucket_has_none(tenant: str) -> None:
    opened = roots.parse("s3://{tenant_id}")
    assert roots.opens(opened, tenant, location(f"s3://{'x' * 128}/a")) == (tenant == "x" * 128)


@pytest.mark.parametrize(
    "setting",
    [
        *("ovpo//x", "s3://", "s3://user@b/x", "file:///", "file:///{tenant_id}", "s3://bucket/../c"),
        *("file://host/srv", "s3://bucket?x", "s3://{tenant}"),
    ],
)
def test_a_root_that_is_none_is_told_by_the_name_of_its_setting(setting: str) -> None:
    with pytest.raises(SettingsError, match="OVPO_ARTIFACTS__ROOTS"):
        roots.parse(setting)


def test_a_file_is_reached_from_the_operators_folder_whose_own_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "alias").symlink_to(tmp_path / "real")
    for root in ("{tenant_id}", "{tenant_id}/out", "t-{tenant_id}"):
        opened = roots.parse(f"{(tmp_path / 'alias').as_uri()}/{root}")
        inner = f"{root.replace('{tenant_id}', 'acme')}/a"
        found = roots.file_at(opened, "acme", location(f"{(tmp_path / 'alias').as_uri()}/{inner}"))
        assert found == (tmp_path / "real", tuple(inner.split("/")))
