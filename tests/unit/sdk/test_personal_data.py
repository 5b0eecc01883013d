# SPDX-License-Identifier: Apache-2.0
"""Personal data in a caller's texts: what is found, what is not, and what becomes of it."""

import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo_sdk.shaping.findings import Kind, found
from ovpo_sdk.shaping.personal import PersonalData, redacted

PIECES = st.sampled_from(
    [
        "bob@example.com",
        "4111 1111 1111 1111",
        "4111111111111111",
        "+49 151 12345678",
        "+14155552671",
        "(415) 555-2671",
        "415-555-2671",
        "123-45-6789",
        "@",
        "-",
        " ",
        ".",
        "+",
        "a",
        "1",
        "00",
        "(",
        "_",
    ]
)


def kinds(text: str) -> list[Kind]:
    return [finding.kind for finding in found(text)]


@pytest.mark.parametrize(
    "address",
    [
        "bob@example.com",
        "b.o-b+tag@mail.example.co.uk",
        "BOB_1@EXAMPLE.IO",
        "müller@exämple.de",
        "a@b.co",
        "o'neil@x.org",
    ],
)
def test_an_e_mail_address_is_found_to_its_edges(address: str) -> None:
    assert redacted(f"a cat ({address}) sleeps, {address}.") == "a cat ([email]) sleeps, [email]."


@pytest.mark.parametrize("text", ["a cat @ home", "icon@2x.png", "pkg@1.2.3", "@someone", "x@localhost", "50@5", "@@@"])
def test_other_uses_of_the_sign_are_no_address(text: str) -> None:
    assert found(text) == ()


@pytest.mark.parametrize(
    "phone",
    [
        "+49 151 12345678",
        "+4915112345678",
        "+44 (0)20 7946 0958",
        "+1-415-555-2671",
        "+1 (415) 555-2671",
        "0049 151 1234567",
        "0044 (0)20 7946 0958",
        "(415) 555-2671",
        "(415)555-2671",
        "415-555-2671",
        "415.555.2671",
        "415 555 2671",
        "1-800-555-2671",
    ],
)
def test_a_phone_number_is_found_to_its_edges(phone: str) -> None:
    assert redacted(f"{phone},{phone};{phone}") == "[phone],[phone];[phone]"
    assert redacted(f"call {phone} now") == "call [phone] now"
    assert redacted(f"phone-{phone}") == "phone-[phone]"


@pytest.mark.parametrize(
    "text",
    [
        "seed 4155552671",
        "seed 1234567890123456789",
        "2024-01-15",
        "2024-01-15T10:11:12.123456+00:00",
        "15.01.2024 12:30:45",
        "v1.2.3.4567",
        "192.168.100.200:8000",
        "1700000000000",
        "frame_0001234567.png",
        "1920x1080, 24 fps, 00:01:02.345",
        "0.4111111111111111",
        "0010 0011 0012 0013 0044 0045 0046",
        "2e+08 1.5e-10",
        "640 480 1024 2048",
        "512, 512, 1024",
        "(1280, 720)",
        "1,234,567,890",
        "-0.123456789 +0.987654321",
        "sigma 14.6146 to 0.0291675",
    ],
)
def test_other_numbers_are_nothing_personal(text: str) -> None:
    assert found(text) == ()


@pytest.mark.parametrize(
    "card",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "5500 0000 0000 0004",
        "378282246310005",
        "3782 822463 10005",
        "30569309025904",
        "3056 930902 5904",
        "6011111111111117",
        "3530111333300000",
        "2223003122003222",
        "4222222222222",
        "6304 0000 0000 0000 00",
    ],
)
def test_a_payment_card_is_found_to_its_edges(card: str) -> None:
    assert redacted(f"pay {card} 12/27") == "pay [card] 12/27"


@pytest.mark.parametrize(
    "number", ["4111111111111112", "4111 1111 1111 1112", "9999999999999995", "4111 1111-1111 1111"]
)
def test_a_number_that_no_card_has_is_none(number: str) -> None:
    assert Kind.CARD not in kinds(number)


@pytest.mark.parametrize("number", ["123-45-6789", "123 45 6789", "899-99-9999"])
def test_a_social_security_number_is_found(number: str) -> None:
    assert redacted(f"ssn {number}.") == "ssn [ssn]."


@pytest.mark.parametrize(
    "number", ["000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000", "123456789"]
)
def test_a_number_that_nobody_was_given_is_none(number: str) -> None:
    assert found(number) == ()


@given(st.uuids(), st.binary())
def test_ids_and_digests_are_nothing_personal(some_id: uuid.UUID, data: bytes) -> None:
    digest = hashlib.sha256(data).hexdigest()
    assert found(f"{some_id} {digest} sha256:{digest} {some_id.hex} file-{some_id}.png") == ()


def test_an_id_of_digits_alone_is_no_card_or_phone() -> None:
    assert found("41111111-1111-4111-8111-111111111111 12345678-4155-4555-8267-123456789012") == ()


@given(st.lists(PIECES, max_size=12).map("".join))
def test_nothing_is_found_in_what_was_redacted(text: str) -> None:
    assert found(redacted(text)) == ()


def test_what_one_finding_hid_is_replaced_too() -> None:
    assert redacted("123 45 6789 123-45-6789") == "[ssn] [ssn]"


@given(st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join)))
def test_findings_lie_within_the_text_apart_and_in_order(text: str) -> None:
    end = 0
    for finding in found(text):
        assert end <= finding.start < finding.end <= len(text)
        end = finding.end


@given(st.text(alphabet=st.characters(exclude_characters="@", exclude_categories=["Nd"])))
def test_a_text_without_digits_and_at_signs_stays_itself(text: str) -> None:
    assert redacted(text) is text


@pytest.mark.parametrize(
    "pattern",
    ["a", "@", "a@", "1 ", "1", "1-", "+1", "+1(", "a.", "4111 ", "x@a-", "415-555-2671-", "12345678-1234-", "a@a.co "],
)
@pytest.mark.timeout(60)
def test_a_hostile_text_does_not_hold_a_run_up(pattern: str) -> None:
    """A pattern that backtracks takes hours for 100 kB; one that does not takes 0.05 s."""
    assert found(redacted((pattern * 100_000)[:100_000])) == ()


def test_redacting_replaces_and_tells_without_the_text() -> None:
    told: list[str] = []
    clean = PersonalData("redact").clean("mail bob@example.com or ann@example.com, 123-45-6789", "prompt", told.append)
    assert clean == "mail [email] or [email], [ssn]"
    assert len(told) == 1
    assert told[0].startswith("prompt holds an e-mail address (2 times), a US social security number, replaced")


def test_warning_tells_and_keeps() -> None:
    told: list[str] = []
    assert PersonalData("warn").clean("bob@example.com", "prompt", told.append) == "bob@example.com"
    assert told == ["prompt holds an e-mail address, sent as it is; remove it, or set personal_data='redact'"]


def test_allowing_looks_at_nothing() -> None:
    told: list[str] = []
    personal = PersonalData("allow")
    assert personal.clean("bob@example.com", "prompt", told.append) == "bob@example.com"
    tree = {"a": ["bob@example.com"]}
    assert personal.clean_tree(tree, "config", told.append) is tree
    assert told == []


def test_nested_texts_and_names_are_cleaned_and_numbers_are_not() -> None:
    told: list[str] = []
    config = {
        "user": {"mail": "bob@example.com", "bob@example.com": 1},
        "seed": 4111111111111111,
        "notes": ["fine", "+4915112345678"],
    }
    assert PersonalData("redact").clean_tree(config, "config", told.append) == {
        "user": {"mail": "[email]", "[email]": 1},
        "seed": 4111111111111111,
        "notes": ["fine", "[phone]"],
    }
    assert [message.split(" holds ")[0] for message in told] == [
        "config.user.mail",
        "a name in config.user",
        "config.notes",
    ]
    assert not any("bob" in message for message in told)
