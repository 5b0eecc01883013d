# SPDX-License-Identifier: Apache-2.0
"""A request becomes a typed query, and credentials are read from wherever ClickHouse reads them."""

import base64
from uuid import UUID

import pytest
from urllib3.filepost import encode_multipart_formdata

from ovpo.foundation.clickhouse.server.errors import QueryError
from ovpo.foundation.clickhouse.server.protocol import Account, credentials, form_fields, parse_query


def test_parameters_settings_and_transport_go_their_ways() -> None:
    pairs = [
        ("query", "SELECT {a:String}"),
        ("param_a", "x"),
        ("max_threads", "2"),
        ("database", "d"),
        ("query_id", "q"),
        ("session_id", "s"),
        ("session_timeout", "9"),
        ("wait_end_of_query", "1"),
        ("client_protocol_version", "54405"),
        ("send_progress_in_http_headers", "1"),
        ("enable_http_compression", "1"),
    ]
    query = parse_query("POST", {"accept-encoding": "zstd, gzip", "content-encoding": "lz4"}, pairs)
    assert (query.sql, query.database, query.query_id) == (b"SELECT {a:String}", "d", "q")
    assert (query.parameters, query.settings) == ({"a": "x"}, {"max_threads": "2"})
    assert (query.body_coding, query.answer_coding) == ("lz4", "zstd")
    assert query.waits_for_end
    assert not query.read_only
    assert query.session is not None
    assert (query.session.name, query.session.seconds, query.session.must_exist) == ("s", 9, False)


def test_get_only_reads_and_no_query_id_gets_a_new_one() -> None:
    query = parse_query("GET", {"accept-encoding": "gzip"}, [])
    assert query.read_only
    assert UUID(query.query_id).version == 4
    assert query.answer_coding == ""


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([("compress", "1")], 48),
        ([("decompress", "1")], 48),
        ([("max threads; DROP", "1")], 115),
        ([("param_a' , b", "1")], 36),
        ([("default_format", "CSV INTO")], 36),
        ([("query_id", "a\nb")], 36),
        ([("session_id", "s"), ("session_timeout", "-1")], 374),
        ([("session_id", "s"), ("session_timeout", "999999")], 374),
    ],
)
def test_what_makes_no_sense_is_refused(pairs: list[tuple[str, str]], code: int) -> None:
    with pytest.raises(QueryError) as refused:
        parse_query("POST", {}, pairs)
    assert refused.value.code == code


def test_credentials_come_from_headers_then_basic_then_the_url() -> None:
    basic = {"authorization": "Basic " + base64.b64encode(b"ann:p:w").decode()}
    url = [("user", "ben"), ("password", "pw")]
    assert credentials({"x-clickhouse-user": "cat", "x-clickhouse-key": "k", **basic}, url) == ("cat", "k")
    assert credentials(basic, url) == ("ann", "p:w")
    assert credentials({}, url) == ("ben", "pw")
    assert credentials({}, []) == ("default", "")
    assert credentials({"authorization": "Basic !!!"}, url) == ("", "")


def test_only_the_right_pair_is_admitted() -> None:
    account = Account("ovpo", "sécret")
    assert account.admits("ovpo", "sécret")
    assert not account.admits("ovpo", "secret")
    assert not account.admits("default", "sécret")
    assert not account.admits("", "")


def test_a_form_as_the_client_sends_it_is_read() -> None:
    body, content_type = encode_multipart_formdata({"query": "SELECT {a:String}\n", "param_a": "ä\\n"})
    assert form_fields(content_type, body) == [("query", "SELECT {a:String}\n"), ("param_a", "ä\\n")]


def test_a_file_in_a_form_is_refused() -> None:
    body, content_type = encode_multipart_formdata({"ext": ("ext", b"1\n")})
    with pytest.raises(QueryError, match="External data") as refused:
        form_fields(content_type, body)
    assert refused.value.code == 48
