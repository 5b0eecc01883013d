# SPDX-License-Identifier: Apache-2.0
"""Which ids of clients are taken."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.foundation.http.request_id import choose

MADE = UUID("7a185340-e4fa-448b-abe5-30a14f6d1d15")


@pytest.mark.parametrize("offered", ["a", "7a185340-e4fa-448b-abe5-30a14f6d1d15", "Job_7.retry-2", "x" * 128])
def test_a_sane_id_is_taken(offered: str) -> None:
    assert choose(offered, lambda: MADE) == offered


@pytest.mark.parametrize(
    "offered", [None, "", "x" * 129, "a b", "a\n", "a\r\nSet-Cookie: x", "<b>", "\N{SNOWMAN}", "a;b"]
)
def test_any_other_is_replaced(offered: str | None) -> None:
    assert choose(offered, lambda: MADE) == str(MADE)


@given(st.text())
def test_whatever_is_offered_the_chosen_id_fits_a_header(offered: str) -> None:
    chosen = choose(offered, lambda: MADE)
    assert chosen.isascii()
    assert chosen.isprintable()
    assert 1 <= len(chosen) <= 128
