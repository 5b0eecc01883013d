# SPDX-License-Identifier: Apache-2.0
"""A URI leads to one place, or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ovpo.telemetry.artifacts.errors import UnusableUriError
from ovpo.telemetry.artifacts.uris import Location, Scheme, location, place


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("ovpo://tenants/demo/a.png", Location(Scheme.OVPO, "", ("tenants", "demo", "a.png"))),
        ("s3://renders/acme/clip.mp4", Location(Scheme.S3, "renders", ("acme", "clip.mp4"))),
        ("gs://my_bucket.example/a", Location(Scheme.GS, "my_bucket.example", ("a",))),
        ("azure://container/a%20b/%C3%BC.png", Location(Scheme.AZURE, "container", ("a b", "ü.png"))),
        ("file:///srv/renders/a", Location(Scheme.FILE, "", ("srv", "renders", "a"))),
        ("s3://renders/100%25", Location(Scheme.S3, "renders", ("100%",))),
        ("s3://renders/%252e%252e/x", Location(Scheme.S3, "renders", ("%2e%2e", "x"))),
        ("https://cdn.example/a?signature=x#y", Location(Scheme.HTTPS, "", ())),
    ],
)
def test_a_uri_leads_to_one_place(uri: str, expected: Location) -> None:
    assert location(uri) == expected


@pytest.mark.parametrize(
    "uri",
    [
        *("", "renders/a", "http://cdn.example/a", "javascript:alert(1)", "S3://renders/a", "ftp://x/y", "ovpo:a"),
        *(
            "s3://renders",
            "s3://renders/",
            "s3:///a",
            "s3://",
            "ovpo://",
            "file://",
            "file:///",
            "https://",
            "https:///a",
        ),
        *("s3://user@renders/a", "s3://user:pass@renders/a", "s3://renders:80/a", "s3://RENDERS/a", "s3://a%2fb/c"),
        *("https://user:pass@cdn.example/a", "https://user@cdn.example", "https://?x", "https://#x"),
        *("s3://renders/../other/a", "s3://renders/a/./b", "s3://renders/%2e%2e/other", "s3://renders/a//b"),
        *("ovpo://tenants/demo/..%2f..%2fb", "ovpo://tenants%2fdemo/a", "ovpo:///tenants/demo/a", "ovpo://../a"),
        *("s3://renders/a/", "ovpo://tenants/demo/a/", "file:///srv/a/", "file://host/srv/a", "file://localhost/a"),
        *("s3://renders/a?versionId=1", "gs://bucket/a#1", "ovpo://tenants/demo/a?x", "file:///a?x", "s3://b?x/a"),
        *("s3://renders/a%", "s3://renders/a%zz", "s3://renders/%ff", "s3://renders/a%00", "s3://renders/a%0a"),
        *(
            "s3://renders/a\n",
            "s3://renders/a b",
            "s3://renders/ü",
            "s3://renders/a\\b",
            "s3://renders/a\0",
            " s3://bb/a",
        ),
        *('s3://renders/"a', "s3://renders/<a>", "s3://renders/{a}", "s3://renders/a|b", "s3://renders/a`b"),
        *(
            "s3://renders/" + "a" * 2040,
            "s3://renders/" + "a" * 250,
            "s3://" + "b" * 300 + "/a",
            "ovpo://tenants/demo/a#1",
        ),
    ],
)
def test_what_two_readers_could_take_for_two_things_is_refused(uri: str) -> None:
    with pytest.raises(UnusableUriError):
        location(uri)


@given(some.text("s3:/ovpogfile%2ef.~\\\n@?#AbcÜ", max_size=40))
def test_no_place_has_a_name_that_leads_up_or_apart(tail: str) -> None:
    for scheme in ("ovpo://", "s3://bucket/", "file:///"):
        try:
            found = location(scheme + tail)
        except UnusableUriError:
            continue
        assert found.names
        assert not {"", ".", ".."} & set(found.names)
        assert not any("/" in name for name in found.names)


def test_a_bucket_or_folder_is_a_place_but_no_artifact() -> None:
    assert place("s3://renders") == place("s3://renders/") == Location(Scheme.S3, "renders", ())
    assert place("file:///srv/a/") == Location(Scheme.FILE, "", ("srv", "a"))


def test_a_place_is_beneath_another_by_whole_names_only() -> None:
    top = place("s3://renders/acme")
    assert location("s3://renders/acme/a").beneath(top) == ("a",)
    for uri in ("s3://renders/acme-2/a", "s3://renders-2/acme/a", "gs://renders/acme/a", "s3://renders/a"):
        assert location(uri).beneath(top) is None
