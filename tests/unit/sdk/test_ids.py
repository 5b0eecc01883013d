# SPDX-License-Identifier: Apache-2.0
"""Ids: the contract's form, and nobody else's, whatever thread or process made them."""

import os
import re
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from ovpo_sdk.ids import as_id, new_id

FORM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
MANY = 2_000


def made(many: int) -> list[str]:
    return [new_id() for _ in range(many)]


def test_an_id_has_the_form_of_a_random_uuid() -> None:
    assert all(FORM.fullmatch(one) for one in made(MANY))


def test_ids_are_distinct_across_threads() -> None:
    with ThreadPoolExecutor(8) as threads:
        found = [one for part in threads.map(made, [MANY] * 16) for one in part]
    assert len(set(found)) == 16 * MANY


def test_a_forked_child_makes_other_ids_than_its_parent() -> None:
    new_id()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, " ".join(made(300)).encode())
        os._exit(0)
    os.close(writing)
    ours = made(300)
    with os.fdopen(reading) as told:
        theirs = told.read().split()
    os.waitpid(child, 0)
    assert len(theirs) == 300
    assert not set(ours) & set(theirs)


@given(st.binary(min_size=16, max_size=16))
def test_any_bytes_take_the_form_of_an_id_and_keep_it(raw: bytes) -> None:
    assert FORM.fullmatch(as_id(raw))
    assert as_id(raw) == as_id(raw)
