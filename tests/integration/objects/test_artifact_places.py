# SPDX-License-Identifier: Apache-2.0
"""Where artifacts lie, against real stores: whose they are decides, whatever a sender calls them."""

from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.errors import ObjectStoreError
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.settings import tree
from ovpo.foundation.settings.faults import SettingsError
from ovpo.telemetry.artifacts.errors import ArtifactError, ClosedPlaceError, UnusableUriError
from ovpo.telemetry.artifacts.places import FILES_PATH, Elsewhere, Kept, Places, links
from ovpo.telemetry.artifacts.verdicts import Claim, Verdict
from ovpo.telemetry.artifacts.verifying import verify
from tests.integration.objects.conftest import BUCKET, Rig

LIFE = timedelta(minutes=5)
S3 = {"access_key_id": "ovpo", "secret_access_key": SecretStr("s3cret")}


def opened(settings: tree.Settings) -> Places:
    return Places(settings, open_objects(settings.objects, settings.query, settings.home))


@pytest.fixture
def bare(bare_environment: pytest.MonkeyPatch, tmp_path: Path) -> tree.Settings:
    """Settings of the embedded stack."""
    return tree.Settings(home=tmp_path / "home", objects=tree.Objects(signing_key=SecretStr("of the test")))


def with_roots(settings: tree.Settings, roots: str, **objects: object) -> tree.Settings:
    changed = settings.objects.model_copy(update=objects)
    artifacts = tree.Artifacts(roots=roots, azure_account="acct", azure_key=SecretStr("a2V5a2V5a2V5"))
    return settings.model_copy(update={"objects": changed, "artifacts": artifacts})


def link(places: Places, tenant: str, uri: str) -> str:
    found = places.find(tenant, uri)
    assert isinstance(found, Kept)
    return links([found], LIFE)[0]


def test_an_object_of_the_own_store_is_handed_to_its_tenant_alone(rig: Rig, bare: tree.Settings) -> None:
    settings = bare.model_copy(update={"objects": rig.objects, "home": rig.home})
    places = opened(settings)
    rig.open().put("tenants/acme/a b.png", b"picture")
    found = places.find("acme", "ovpo://tenants/acme/a%20b.png")
    assert isinstance(found, Kept)
    assert b"".join(found.store.read(found.key)) == b"picture"
    for tenant in ("acm", "acme2", "other", ""):
        with pytest.raises(UnusableUriError, match="tenants/<tenant_id>/"):
            places.find(tenant, "ovpo://tenants/acme/a%20b.png")
    for uri in ("ovpo://reports/a", "ovpo://tenants/acme", "ovpo://a", "ovpo://tenant/acme/a"):
        with pytest.raises(UnusableUriError):
            places.find("acme", uri)


def test_the_own_store_under_another_name_keeps_its_rule(rig: Rig, bare: tree.Settings) -> None:
    url = (rig.objects.url or (rig.home / "objects").as_uri()).rstrip("/")
    parent = url.rpartition("/")[0]
    settings = bare.model_copy(
        update={"objects": rig.objects, "home": rig.home, "artifacts": tree.Artifacts(roots=f"{url},{parent}")}
    )
    places = opened(settings)
    rig.open().put("tenants/acme/a", b"x")
    rig.open().put("reports/a", b"x")
    found = places.find("acme", f"{url}/tenants/acme/a")
    assert isinstance(found, Kept)
    assert (found.key, b"".join(found.store.read(found.key))) == ("tenants/acme/a", b"x")
    for tenant, key in (("other", "tenants/acme/a"), ("acme", "reports/a"), ("acme", "tenants/acme/../other/a")):
        with pytest.raises(UnusableUriError):
            places.find(tenant, f"{url}/{key}")


def test_the_own_folder_is_recognised_behind_a_link(bare: tree.Settings, tmp_path: Path) -> None:
    open_objects(bare.objects, bare.query, bare.home).put("tenants/acme/a", b"x")
    (tmp_path / "alias").symlink_to(bare.home)
    places = opened(with_roots(bare, (tmp_path / "alias").as_uri()))
    with pytest.raises(UnusableUriError):
        places.find("other", f"{(tmp_path / 'alias').as_uri()}/objects/tenants/acme/a")
    with pytest.raises(ArtifactError):
        places.find("other", f"{bare.home.as_uri()}/objects/tenants/acme/a")


def test_a_bucket_is_closed_until_it_is_listed(bare: tree.Settings, s3_url: str) -> None:
    key = f"{uuid4().hex}/clip 1.mp4"
    uri = f"s3://{BUCKET}/{key.replace(' ', '%20')}"
    store = tree.Objects(url=f"s3://{BUCKET}", endpoint=s3_url, **S3)
    open_objects(store, bare.query, bare.home).put(key, b"film")
    with pytest.raises(ClosedPlaceError, match="OVPO_ARTIFACTS__ROOTS"):
        opened(with_roots(bare, "s3://other,gs://artifacts", endpoint=s3_url, **S3)).find("acme", uri)
    signed = link(opened(with_roots(bare, f"s3://{BUCKET}", endpoint=s3_url, **S3)), "acme", uri)
    assert httpx.get(signed).content == b"film"
    query = parse_qs(urlsplit(signed).query)
    assert query["X-Amz-Expires"] == ["300"]
    assert query["X-Amz-SignedHeaders"] == ["host"]


def test_a_bucket_of_google_is_signed_for_with_the_service_account(
    bare: tree.Settings, gcs_url: str, service_accounts: tuple[Path, Path]
) -> None:
    silent, usual = service_accounts
    key = f"{uuid4().hex}/a.png"
    store = tree.Objects(url=f"gs://{BUCKET}", endpoint=gcs_url, service_account=silent)
    open_objects(store, bare.query, bare.home).put(key, b"picture")
    own = {"url": f"gs://{BUCKET}/own", "endpoint": gcs_url, "service_account": usual}
    signed = link(opened(with_roots(bare, f"gs://{BUCKET}", **own)), "acme", f"gs://{BUCKET}/{key}")
    assert httpx.get(signed).content == b"picture"
    assert "X-Goog-Expires=300" in signed


def test_a_link_of_azure_is_for_reading_one_blob_for_a_while(bare: tree.Settings) -> None:
    places = opened(with_roots(bare, "azure://renders/{tenant_id}"))
    signed = urlsplit(link(places, "acme", "azure://renders/acme/a%20b.png"))
    query = parse_qs(signed.query)
    assert (signed.scheme, signed.netloc) == ("https", "acct.blob.core.windows.net")
    assert unquote(signed.path) == "/renders/acme/a b.png"
    assert (query["sp"], query["sr"]) == (["r"], ["b"])
    assert query["se"] > query["st"]
    assert "a2V5" not in signed.query
    with pytest.raises(ClosedPlaceError):
        places.find("other", "azure://renders/acme/a%20b.png")


def test_an_azure_key_that_is_none_is_said_without_showing_it(bare: tree.Settings) -> None:
    artifacts = tree.Artifacts(roots="azure://renders", azure_account="acct", azure_key=SecretStr("hunter2 is no key"))
    places = opened(bare.model_copy(update={"artifacts": artifacts}))
    with pytest.raises(ObjectStoreError, match="azure://renders") as raised:
        places.find("acme", "azure://renders/a")
    assert "hunter2" not in str(raised.value)


def test_https_is_handed_out_as_it_was_written_and_never_fetched(bare: tree.Settings) -> None:
    for url in ("https://cdn.example/a?b=c", "https://127.0.0.1:1/latest/meta-data", "https://[::1]/x"):
        assert opened(bare).find("acme", url) == Elsewhere(url)


def test_files_are_for_the_embedded_stack(bare: tree.Settings, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="embedded"):
        opened(with_roots(bare, tmp_path.as_uri(), url="s3://own"))


def test_a_file_of_a_listed_folder_has_a_link_that_the_query_api_serves(bare: tree.Settings, tmp_path: Path) -> None:
    renders = tmp_path / "renders"
    for tenant in ("acme", "other"):
        (renders / tenant).mkdir(parents=True)
        (renders / tenant / "a 1.png").write_text(tenant)
    (renders / "acme" / "link").symlink_to(renders / "other")
    places = opened(with_roots(bare, f"{renders.as_uri()}/{{tenant_id}}"))
    uri = f"{renders.as_uri()}/acme/a%201.png"
    signed = urlsplit(link(places, "acme", uri))
    assert unquote(signed.path) == f"{FILES_PATH}acme{renders}/acme/a 1.png"
    key = unquote(signed.path).removeprefix(FILES_PATH)
    assert b"".join(places.files.read(key)) == b"acme"
    with pytest.raises(ClosedPlaceError):
        places.find("other", uri)
    assert verdict(places, _claim(f"{renders.as_uri()}/acme/link/a%201.png")) is Verdict.MISSING
    assert verdict(places, _claim(uri, b"acme")) is Verdict.OK


def test_a_root_that_is_closed_again_closes_its_links(bare: tree.Settings, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    key = f"acme{tmp_path}/a"
    assert opened(with_roots(bare, tmp_path.as_uri())).files.head(key).size == 1
    with pytest.raises(ObjectStoreError, match="no folder that is open"):
        opened(bare).files.head(key)


def test_artifacts_of_every_store_are_signed_for_in_one_go_and_in_their_order(
    bare: tree.Settings, s3_url: str, tmp_path: Path
) -> None:
    places = opened(with_roots(bare, f"s3://{BUCKET},azure://renders,{tmp_path.as_uri()}", endpoint=s3_url, **S3))
    uris = [
        *("azure://renders/1", f"s3://{BUCKET}/2", "ovpo://tenants/acme/3", f"{tmp_path.as_uri()}/4"),
        *(f"s3://{BUCKET}/5", "azure://renders/6", "ovpo://tenants/acme/3"),
    ]
    found = [places.find("acme", uri) for uri in uris]
    signed = links([one for one in found if isinstance(one, Kept)], LIFE)
    assert [urlsplit(one).path[-1] for one in signed] == ["1", "2", "3", "4", "5", "6", "3"]


def test_an_artifact_in_a_bucket_is_verified(bare: tree.Settings, s3_url: str, refusing_url: str) -> None:
    store: ObjectStore = open_objects(
        tree.Objects(url=f"s3://{BUCKET}", endpoint=s3_url, **S3),
        bare.query,
        bare.home,
    )
    key, data = uuid4().hex, b"film" * 1_000_000
    store.put(key, data)
    places = opened(with_roots(bare, f"s3://{BUCKET}", endpoint=s3_url, **S3))
    assert verdict(places, _claim(f"s3://{BUCKET}/{key}", data)) is Verdict.OK
    assert verdict(places, _claim(f"s3://{BUCKET}/{key}", b"other")) is Verdict.CHANGED
    assert verdict(places, _claim(f"s3://{BUCKET}/{key}x", data)) is Verdict.MISSING
    refused = opened(with_roots(bare, f"s3://{BUCKET}", endpoint=refusing_url, **S3))
    assert verdict(refused, _claim(f"s3://{BUCKET}/{key}", data)) is Verdict.UNREADABLE


def verdict(places: Places, claim: Claim) -> Verdict:
    return verify(places, "acme", claim, lambda _: None).verdict


def _claim(uri: str, data: bytes = b"") -> Claim:
    return Claim(uri, "latent", frozenset({f"sha256:{sha256(data).hexdigest()}"}), frozenset())
