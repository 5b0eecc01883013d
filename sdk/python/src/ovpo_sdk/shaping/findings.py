# SPDX-License-Identifier: Apache-2.0
"""Finding e-mail addresses, phone numbers, payment cards and US social security numbers in a text. Pure.

Time grows with the text's length whatever it holds: every pattern looks a bounded number of characters ahead. Phone
numbers are found in their international form (+49 …, 0049 …) and in the American one with separators; a national
number of another country looks like any other number and is not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What was found; also what stands in its place."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    SSN = "ssn"


@dataclass(frozen=True, slots=True)
class Finding:
    """Where something personal stands in a text."""

    kind: Kind
    start: int
    end: int


_LEAST_CHARACTERS: Final = 9
"""A number that is looked for has a plus sign and eight digits, or more."""
_LEAST_DIGITS: Final = 8
_DIGITS_NEAR: Final = re.compile(r"[0-9](?:[^0-9]{0,3}[0-9]){7}")
_SHORT: Final = 32
"""Up to here a pattern tells in 0.2 µs that digits are too few; counting them takes 0.3 µs at any length."""
_NO_DIGITS: Final = bytes(set(range(256)) - set(b"0123456789"))

_LOCAL_CHARACTERS: Final = 64
_DOMAIN_CHARACTERS: Final = 255
_LOCAL: Final = frozenset("._%+-'")
_DOMAIN: Final = re.compile(r"(?:[^\W_](?:[^\W_]|-){0,62}\.)+([^\W\d_]{2,63})(?![^\W_])")
_SUFFIXES: Final = frozenset({"png", "jpg", "jpeg", "gif", "webp", "svg", "mp4", "webm", "mkv"})
"""icon@2x.png is a file."""

_DASH: Final = r"\-\u2010\u2011\u2013"
_NOT_WITHIN_NUMBER: Final = rf"(?<!\w)(?<![0-9]\.)(?<![0-9][{_DASH}])"
_NUMBER_ENDS: Final = rf"(?!\w)(?!\.[0-9])(?![{_DASH}][0-9])"
_SSN: Final = re.compile(
    rf"{_NOT_WITHIN_NUMBER}(?!000|666|9)[0-9]{{3}}(?P<gap>[ {_DASH}])"
    rf"(?!00)[0-9]{{2}}(?P=gap)(?!0000)[0-9]{{4}}{_NUMBER_ENDS}"
)
_AMERICAN: Final = re.compile(
    rf"(?:(?:{_NOT_WITHIN_NUMBER}1[ .{_DASH}]?)?\([2-9][0-9]{{2}}\) ?[2-9][0-9]{{2}}[ .{_DASH}]"
    rf"|{_NOT_WITHIN_NUMBER}(?:1[ .{_DASH}]?)?[2-9][0-9]{{2}}(?P<gap>[ ./{_DASH}])[2-9][0-9]{{2}}(?P=gap))"
    rf"[0-9]{{4}}{_NUMBER_ENDS}"
)
_INTERNATIONAL: Final = re.compile(
    rf"(?:\+[1-9]|(?<!\w)00[1-9](?=[0-9]{{0,2}}[ ./{_DASH}]{{1,2}}(?:\(0\) ?)?[1-9]))"
    rf"(?:[ ./(){_DASH}]{{0,2}}[0-9]){{7,14}}(?![0-9])"
)
_CARD: Final = re.compile(
    rf"{_NOT_WITHIN_NUMBER}(?:[0-9]{{13,19}}"
    rf"|[0-9]{{4}}(?P<gap>[ .{_DASH}])"
    r"(?:[0-9]{4}(?P=gap)[0-9]{4}(?P=gap)[0-9]{1,4}(?P<tail>(?P=gap)[0-9]{1,3})?"
    rf"|[0-9]{{6}}(?P=gap)[0-9]{{4,5}})){_NUMBER_ENDS}"
)
_UUID: Final = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![0-9A-Fa-f])")
_NO_DIGIT: Final = re.compile(r"[^0-9]+")
_ISSUERS: Final = re.compile(
    r"4|5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720|3[47]|30[0-5]|3[689]|352[89]|35[3-8]|6011|64[4-9]|65|62"
    r"|220[0-4]|50[1-3]|589|630|67"
)
"""How cards begin (Visa, Mastercard, American Express, Diners Club, JCB, Discover, UnionPay, Mir, Maestro). Of all
numbers a tenth pass Luhn's test; with this, one in thirty."""


def found(text: str) -> tuple[Finding, ...]:
    """Give what looks personal, in the order of the text, nothing overlapping."""
    mails = "@" in text
    numbers = len(text) >= _LEAST_CHARACTERS and _may_hold_numbers(text)
    if not numbers and not mails:
        return ()
    findings = list(_emails(text)) if mails else []
    if numbers:
        findings += _numbers(text)
    return _apart(findings)


def _may_hold_numbers(text: str) -> bool:
    if len(text) <= _SHORT:
        return _DIGITS_NEAR.search(text) is not None
    return len(text.encode("ascii", "replace").translate(None, _NO_DIGITS)) >= _LEAST_DIGITS


def _emails(text: str) -> Iterator[Finding]:
    at = text.find("@")
    last_end = 0
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1, at + 1 + _DOMAIN_CHARACTERS)
        if domain is not None and domain[1].lower() not in _SUFFIXES:
            start = _local_start(text, at, last_end)
            if start < at:
                last_end = domain.end()
                yield Finding(Kind.EMAIL, start, last_end)
        at = text.find("@", at + 1)


def _local_start(text: str, at: int, least: int) -> int:
    least = max(least, at - _LOCAL_CHARACTERS)
    start = at
    while start > least and (text[start - 1].isalnum() or text[start - 1] in _LOCAL):
        start -= 1
    while start < at and not text[start].isalnum():
        start += 1
    return start


def _numbers(text: str) -> list[Finding]:
    findings = [
        *(Finding(Kind.SSN, *match.span()) for match in _SSN.finditer(text) if not _in_a_list(match)),
        *(card for match in _CARD.finditer(text) if (card := _card(match)) is not None),
        *(Finding(Kind.PHONE, *match.span()) for match in _INTERNATIONAL.finditer(text)),
        *(Finding(Kind.PHONE, *match.span()) for match in _AMERICAN.finditer(text) if not _in_a_list(match)),
    ]
    if not findings:
        return findings
    inside = {place for match in _UUID.finditer(text) for place in range(*match.span())}
    return [finding for finding in findings if finding.start not in inside] if inside else findings


def _in_a_list(match: re.Match[str]) -> bool:
    """Tell whether the same gap and more digits go before or after it: then it is a row of numbers."""
    gap = match["gap"]
    if gap is None:
        return False
    text, start, end = match.string, match.start(), match.end()
    before = start > 1 and text[start - 1] == gap and text[start - 2].isdigit()
    return before or (text[end : end + 1] == gap and text[end + 1 : end + 2].isdigit())


def _card(match: re.Match[str]) -> Finding | None:
    """Give the card of a match; what looks like its last digits may be the day that it expires."""
    if _is_card(match[0]):
        return Finding(Kind.CARD, *match.span())
    start, end = match.start(), match.start("tail")
    return Finding(Kind.CARD, start, end) if end > start and _is_card(match.string[start:end]) else None


def _is_card(text: str) -> bool:
    digits = _NO_DIGIT.sub("", text)
    return _ISSUERS.match(digits) is not None and 13 <= len(digits) <= 19 and _passes_luhn(digits)


def _passes_luhn(digits: str) -> bool:
    single = sum(map(int, digits[-1::-2]))
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (single + doubled) % 10 == 0


def _apart(findings: list[Finding]) -> tuple[Finding, ...]:
    """Join what overlaps under the name of what begins first."""
    apart: list[Finding] = []
    for finding in sorted(findings, key=lambda one: (one.start, -one.end)):
        last = apart[-1] if apart else None
        if last is None or finding.start >= last.end:
            apart.append(finding)
        elif finding.end > last.end:
            apart[-1] = Finding(last.kind, last.start, finding.end)
    return tuple(apart)
