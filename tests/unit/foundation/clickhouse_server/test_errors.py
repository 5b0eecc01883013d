# SPDX-License-Identifier: Apache-2.0
"""The engine's texts become ClickHouse's code, name, message and HTTP status."""

import pytest
from clickhouse_connect.driver.exceptions import error_name_from_body

from ovpo.foundation.clickhouse.server.errors import QueryError, from_engine


@pytest.mark.parametrize(
    ("text", "code", "name", "message", "status"),
    [
        (
            "Code: 60. DB::Exception: Table default.nope does not exist. (UNKNOWN_TABLE)",
            60,
            "UNKNOWN_TABLE",
            "Table default.nope does not exist.",
            404,
        ),
        (
            "Code: 115. DB::Exception: Code: 115. DB::Exception: x. (UNKNOWN_SETTING) (version 2). (UNKNOWN_SETTING)",
            115,
            "UNKNOWN_SETTING",
            "x.",
            404,
        ),
        (
            "Streaming query failed: Code: 395. DB::Exception: Value is (BAD). (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)",
            395,
            "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO",
            "Value is (BAD).",
            500,
        ),
        (
            "It failed: Code: 26. DB::Exception: Cannot parse\n: While x. (CANNOT_PARSE_QUOTED_STRING) (version 26)",
            26,
            "CANNOT_PARSE_QUOTED_STRING",
            "Cannot parse\n: While x.",
            400,
        ),
        (
            "Code: 44. DB::Exception: Outer: Code: 27. DB::Exception: inner. (X_Y). (ILLEGAL_COLUMN)",
            44,
            "ILLEGAL_COLUMN",
            "Outer: Code: 27. DB::Exception: inner. (X_Y).",
            400,
        ),
        ("send_insert does not support it", 49, "LOGICAL_ERROR", "send_insert does not support it", 500),
        ("", 49, "LOGICAL_ERROR", "The engine failed without a message.", 500),
    ],
)
def test_an_engine_error_is_read(text: str, code: int, name: str, message: str, status: int) -> None:
    error = from_engine(text)
    assert (error.code, error.name, error.status) == (code, name, status)
    assert error.message == message


def test_the_body_of_an_error_is_what_clients_parse() -> None:
    text = QueryError(62, "SYNTAX_ERROR", "Syntax error: (here).").text("26.9.2.1")
    assert text == "Code: 62. DB::Exception: Syntax error: (here). (SYNTAX_ERROR) (version 26.9.2.1)"
    assert error_name_from_body(text) == "SYNTAX_ERROR"
