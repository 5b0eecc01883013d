# SPDX-License-Identifier: Apache-2.0
"""Digests that stand for what is not sent: prompts and users."""

import hashlib
import hmac
import unicodedata


def prompt_hash(text: str) -> str:
    """Give the SHA-256 of a prompt, as 64 lower-case hexadecimal digits.

    It is taken of the text in Unicode's normal form C, written in UTF-8, and of nothing else: case, white space and
    line ends count. So one prompt has one hash whether its é was typed as one character or as two. Half a surrogate
    pair, which UTF-8 has no place for, counts as its three bytes.
    """
    return hashlib.sha256(_bytes(text)).hexdigest()


def user_hash(user: str, salt: str = "") -> str:
    """Give the digest that stands for a user, as 64 lower-case hexadecimal digits.

    Without a salt it is what `prompt_hash` makes of the text; whoever has a list of users can then find out whose it
    is by trying. With a salt it is HMAC-SHA256 with the salt as its key. The same user gives the same hash only where
    the salt is the same: choose one per tenant, keep it secret, and keep it.
    """
    if not salt:
        return prompt_hash(user)
    return hmac.new(_bytes(salt), _bytes(user), hashlib.sha256).hexdigest()


def _bytes(text: str) -> bytes:
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")
