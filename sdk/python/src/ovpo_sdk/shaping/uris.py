# SPDX-License-Identifier: Apache-2.0
"""Where something lies, spelled as the contract takes it."""

import re
from typing import Final

MOST_CHARACTERS: Final = 2048
SCHEMES: Final = ("s3", "gs", "azure", "https", "ovpo", "file")
_CHARACTER: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_URI: Final = re.compile(
    rf"(?:{'|'.join(SCHEMES)})://"
    r"(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*+@)?"
    r"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*+)(?::[0-9]{0,5})?"
    rf"(?:/{_CHARACTER}*+)*+(?:\?(?:{_CHARACTER}|[/?])*+)?(?:\#(?:{_CHARACTER}|[/?])*+)?"
)


def uri_problem(uri: object) -> str | None:
    """Tell what to change about a URI, without showing it: it may be signed."""
    if not isinstance(uri, str):
        return f"is a {type(uri).__name__}; write a text such as s3://bucket/name"
    if len(uri) > MOST_CHARACTERS:
        return f"has {len(uri)} characters, more than {MOST_CHARACTERS}; shorten it"
    if not uri.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)):
        return f"begins with none of {', '.join(f'{scheme}://' for scheme in SCHEMES)}; write one, or file_uri(path)"
    if not _URI.fullmatch(uri):
        return "holds a character that a URI cannot; percent-encode it with urllib.parse.quote"
    return None
