# SPDX-License-Identifier: Apache-2.0
"""Take secrets out of text and of nested data before either is logged or shown. Pure.

What counts as a secret is decided here and nowhere else. Every pattern reads its text once: each one begins where a
word begins or at a literal, and takes what it takes possessively, so that a hostile megabyte costs a megabyte's time.
"""

import math
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final, TypeAlias

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

MARK: Final = "***"
DEEPEST: Final = 24
MOST_NODES: Final = 20_000
CUT: Final = "[cut]"

_SECRET_PARTS: Final = (
    "password", "passwd", "passphrase", "secret", "authorization", "cookie", "credential", "signature", "bearer",
    "apikey", "accesskey", "privatekey", "signingkey", "encryptionkey", "securitytoken", "accesstoken", "refreshtoken",
)  # fmt: skip
_SECRET_NAMES: Final = frozenset({"pwd", "pass", "pw", "sig", "token", "jwt", "auth", "dsn"})
_LONGEST_WORD: Final = 16
_LAST_WORD: Final = re.compile(r"[A-Z]?[a-z0-9]+$|[A-Z0-9]+$")

_KEY_BLOCK_BEGIN: Final = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BLOCK_END: Final = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_COOKIE: Final = re.compile(
    r"""(?i)(?<![\w-])((?:set-)?cookie\\*+["']?[ \t]{0,8}[:=][ \t]{0,8}(?:b(?=["']))?\\*+["']?)[^\r\n"']++"""
)
_AUTHORIZATION: Final = re.compile(
    r"""(?i)((?<![\w-])(?:proxy-)?authorization\\*+["']?[ \t]{0,8}[:=][ \t]{0,8}(?:b(?=["']))?\\*+["']?)"""
    r"""(?:((?:digest|aws4-hmac-sha256)[ \t])[^\r\n]++|((?:[a-z][a-z0-9-]{0,31}[ \t]{1,8})?)([^\s"',;]++))"""
)
_BEARER: Final = re.compile(r"""(?i)(?<![\w-])(bearer[ \t]{1,8}["']?)([^\s"',;]++)""")
_API_KEY: Final = re.compile(r"ovpo_sk_[\w+/=~*-]*+")
_API_KEY_PARTS: Final = re.compile(r"ovpo_sk_[A-Za-z0-9]{8}(?![^_])_?")
_JWT: Final = re.compile(r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{2,}+\.[\w-]*+")
_NAME: Final = re.compile(r"""(?<![\w.-])([\w.-]++)\\*+["']?[ \t]{0,8}(?:=>|[=:])[ \t]{0,8}(?:b(?=["']))?""")
_VALUE: Final = re.compile(r"""(\\*+")(?:[^"\\]|\\.)*+|(\\*+')(?:[^'\\]|\\.)*+|[^\s&"'\\,;<>()\[\]{}]++""", re.DOTALL)
_WORD: Final = re.compile(r"""[^\s"'<>]++""")
_AUTHORITY_END: Final = re.compile(r"[/?#\\]")


def is_secret_name(name: str) -> bool:
    """Tell whether a field, header or parameter of this name holds a secret."""
    squashed = name.translate(_SQUASH).lower()
    if squashed in _SECRET_NAMES or any(part in squashed for part in _SECRET_PARTS):
        return True
    last = _LAST_WORD.search(name[-_LONGEST_WORD:])
    return last is not None and last[0].lower() in _SECRET_NAMES


def redact_text(text: str) -> str:
    """Give the text with every secret in it replaced by `***`; the public part of an OVPO key stays."""
    if "PRIVATE KEY" in text:
        text = _without_key_blocks(text)
    if "://" in text and "@" in text:
        text = _WORD.sub(_without_passwords, text)
    text = _COOKIE.sub(rf"\1{MARK}", text)
    text = _AUTHORIZATION.sub(lambda found: f"{found[1]}{found[2] or found[3]}{_known_part(found[4] or '')}", text)
    text = _BEARER.sub(lambda found: f"{found[1]}{_known_part(found[2])}", text)
    text = _JWT.sub(MARK, text)
    text = _without_named_values(text)
    return _API_KEY.sub(lambda found: _known_part(found[0]), text)


def redact(value: object) -> Plain:
    """Give a copy made of plain JSON data, without secrets; what is no data becomes its redacted text."""
    return _Walk().of(value, depth=0)


class _Walk:
    """One pass over one value, with a budget, so that a huge or circular value ends as a short one."""

    def __init__(self) -> None:
        self._nodes = 0

    def of(self, value: object, depth: int) -> Plain:
        self._nodes += 1
        if value is None or isinstance(value, (bool, int)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, str):
            return redact_text(value)
        if isinstance(value, (bytes, bytearray)):
            return redact_text(value.decode("utf-8", "replace"))
        if depth >= DEEPEST or self._nodes > MOST_NODES:
            return CUT
        if isinstance(value, Mapping):
            return {redact_text(str(key)): self._named(str(key), item, depth) for key, item in value.items()}
        if isinstance(value, (list, tuple, AbstractSet)):
            return self._sequence(list(value), depth)
        return redact_text(str(value))

    def _named(self, name: str, value: object, depth: int) -> Plain:
        if is_secret_name(name) and value is not None and not isinstance(value, bool):
            return self._kept_prefix(value)
        return self.of(value, depth + 1)

    def _kept_prefix(self, value: object) -> str:
        scheme, _, rest = value.partition(" ") if isinstance(value, str) else ("", "", "")
        return f"{scheme} {_known_part(rest)}" if scheme.lower() == "bearer" else MARK

    def _sequence(self, items: list[object], depth: int) -> Plain:
        if len(items) == 2 and isinstance(items[0], (str, bytes)):
            name = items[0] if isinstance(items[0], str) else items[0].decode("utf-8", "replace")
            return [redact_text(name), self._named(name, items[1], depth)]
        return [self.of(item, depth + 1) for item in items]


_SQUASH: Final = {ord(character): None for character in "_-. "}


def _without_key_blocks(text: str) -> str:
    """Cut private keys out; one that does not end takes the rest of the text with it."""
    kept, position = [], 0
    while begin := _KEY_BLOCK_BEGIN.search(text, position):
        kept += [text[position : begin.start()], MARK]
        end = _KEY_BLOCK_END.search(text, begin.end())
        if end is None:
            return "".join(kept)
        position = end.end()
    return "".join([*kept, text[position:]])


def _without_passwords(found: re.Match[str]) -> str:
    """Replace the password of each address in a word; one with a raw slash in it ends at the `@` after it."""
    word = found[0]
    kept, position = [], 0
    while (scheme := word.find("://", position)) >= 0:
        start = scheme + len("://")
        slash = _AUTHORITY_END.search(word, start)
        end = slash.start() if slash else len(word)
        at = word.rfind("@", start, end)
        if at < 0 and not _is_port_or_none(word[start:end]):
            at = word.find("@", end)
        colon = word.find(":", start, at) if at >= 0 else -1
        if colon < 0:
            kept.append(word[position:start])
            position = start
            continue
        kept += [word[position : colon + 1], MARK]
        position = at
    return "".join([*kept, word[position:]])


def _is_port_or_none(authority: str) -> bool:
    host, colon, port = authority.rpartition(":")
    return not colon or port.isdecimal() or host.startswith("[") or authority.startswith("[")


def _without_named_values(text: str) -> str:
    """Replace what follows `password=`, `"token": ` and their like; any other value is searched in its turn."""
    kept, position, looked = [], 0, 0
    while name := _NAME.search(text, looked):
        looked = name.end()
        if is_secret_name(name[1]) and not name[1].lower().endswith("authorization"):
            value = _VALUE.match(text, looked)
            if value is not None and not value[0].startswith("://"):
                kept += [text[position:looked], value[1] or value[2] or "", MARK]
                position = looked = value.end()
    return "".join([*kept, text[position:]])


def _known_part(token: str) -> str:
    """Give what of a token may be shown: the public prefix of an OVPO key, else nothing."""
    public = _API_KEY_PARTS.match(token)
    if public is None:
        return f"ovpo_sk_{MARK}" if token.startswith("ovpo_sk_") else MARK
    shown = public[0].rstrip("_")
    return shown if token == shown else f"{shown}_{MARK}"
