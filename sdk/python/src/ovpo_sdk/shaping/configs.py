# SPDX-License-Identifier: Apache-2.0
"""Whatever a pipeline is configured with, as JSON that the contract takes: converted, not too deep, not too large."""

import json
from collections.abc import Mapping
from typing import Any, Final

from ovpo_sdk.shaping.json_like import json_like
from ovpo_sdk.shaping.numbers import MOST_INT, number
from ovpo_sdk.shaping.problems import Problem, quoted

MOST_BYTES: Final = 64 * 1024
_NAMED: Final = 5
_ARGUMENTS: Final = {
    "prompt_hash": "prompt=",
    "prompt_plaintext": "prompt= and keep_prompt=True",
    "prompt_length": "prompt=",
    "negative_prompt_hash": "negative_prompt=",
    "seed": "seed=",
}


def shaped_config(values: Mapping[Any, object], problem: Problem) -> dict[str, Any]:
    """Give a pipeline's configuration as it may be sent; what makes it too large is told of and left out."""
    return _within_bytes(json_like(values), "config", "keep it elsewhere and hand in config_ref=…", problem)


def shaped_context(values: Mapping[Any, object], problem: Problem) -> dict[str, Any]:
    """Give more of an input context as it may be sent; what is made from other arguments is told of and left out."""
    context = json_like(values)
    for name in context.keys() & _ARGUMENTS.keys():
        problem(f"context.{name} is made by the SDK; leave it out and hand in {_ARGUMENTS[name]}")
        del context[name]
    return _within_bytes(context, "context", "hand in less", problem)


def shaped_seed(value: object, problem: Problem) -> int | None:
    """Give a seed as it may be sent, an unsigned 64-bit integer, or None once its problem was told."""
    seed = number(value)
    if type(seed) is int and 0 <= seed <= MOST_INT:
        return seed
    problem("seed is not a whole number from 0 to 2**64 - 1; write int(seed) % 2**64")
    return None


def _within_bytes(whole: dict[str, Any], field: str, remedy: str, problem: Problem) -> dict[str, Any]:
    total = _bytes(whole)
    if total <= MOST_BYTES:
        return whole
    sizes = {name: _bytes({name: part}) for name, part in whole.items()}
    left_out: list[str] = []
    remaining = total
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if remaining <= MOST_BYTES:
            break
        left_out.append(name)
        remaining -= sizes[name] - 1
    more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
    problem(
        f"{field} has {total} bytes as JSON, more than {MOST_BYTES}; "
        f"{', '.join(quoted(name) for name in left_out[:_NAMED])}{more} left out: {remedy}"
    )
    gone = set(left_out)
    return {name: part for name, part in whole.items() if name not in gone}


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
