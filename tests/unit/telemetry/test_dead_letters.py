# SPDX-License-Identifier: Apache-2.0
"""What an operator is told of a dead letter: names and reasons, never a value, nothing that a terminal obeys."""

from datetime import UTC, datetime

import msgspec
import pytest

from ovpo.foundation.broker.message import DeadLetter
from ovpo.telemetry.contract.outcome import Item
from ovpo.telemetry.contract.records import ItemType, Span, SpanKind, SpanStatus
from ovpo.telemetry.dead_letters import Contents, Held, Unreadable, contents, is_meant, plain, whole
from ovpo.telemetry.queue import pack

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TRACE = "00000000-0000-4000-8000-000000000001"
SPAN = "00000000-0000-4000-8000-000000000002"


def payload(kind: str = "SPAN_KIND_LOAD") -> bytes:
    span = Span("0.08", SPAN, TRACE, SpanKind.LOAD, "Anna", NOW, SpanStatus.ERROR)
    raw = msgspec.json.encode(span).replace(b"SPAN_KIND_LOAD", kind.encode())
    [message] = pack([Item(0, ItemType.SPAN, span, raw)], "demo", NOW)
    return message.payload


def letter(tenant: str = "demo", reason: str = "no database") -> DeadLetter:
    return DeadLetter("7", "id", tenant, TRACE, reason, 5, 3, NOW, 10, {"X-A": "b"})


def test_items_are_named_and_not_told() -> None:
    assert contents(payload()) == Contents(NOW, (Held(ItemType.SPAN, SPAN, TRACE),))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b"", "no envelope"),
        (payload().replace(b"Anna", b"Bert"), "do not match content_hash"),
        (payload("Anna 'A' Schmidt"), "Invalid enum value - at `$[0].span_kind`"),
    ],
)
def test_an_unreadable_payload_says_why_without_its_values(broken: bytes, said: str) -> None:
    found = contents(broken)
    assert isinstance(found, Unreadable)
    assert said in found.why
    assert "Anna" not in found.why
    shown = whole(letter(), broken)
    assert (shown.items, shown.received_at, shown.unreadable) == (None, None, found.why)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Invalid value 'Anna' - at `$[0].type`", "Invalid value - at `$[0].type`"),
        ('Invalid enum value "Anna\'s" - at `$.a`; again', "Invalid enum value - at `$.a`; again"),
        ("Invalid enum value 'cut in the midd", "Invalid enum value"),
        ("no login at nats://me:hunter2@host", "no login at nats://me:***@host"),
        ("a\x1b[31mred\nline", "a\\u001b[31mred\\u000aline"),
        ("x" * 601, "x" * 600 + "…"),
    ],
)
def test_a_foreign_text_is_made_fit_for_a_terminal(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("tenant", "reason", "meant"),
    [
        (None, None, True),
        ("demo", "NO DATA", True),
        ("other", None, False),
        ("demo", "no cache", False),
        (None, "", True),
    ],
)
def test_a_letter_is_chosen_by_tenant_and_reason(tenant: str | None, reason: str | None, meant: bool) -> None:
    assert is_meant(letter(), tenant, reason) is meant
