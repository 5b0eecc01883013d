# SPDX-License-Identifier: Apache-2.0
"""What a run was asked for, as its trace tells it: prompts and users as hashes, configurations as plain values."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from msgspec import convert, to_builtins

from ovpo_sdk.kinds import TraceStatus
from ovpo_sdk.records import Costs, Id
from ovpo_sdk.shaping import tags as tag_rules
from ovpo_sdk.shaping.configs import shaped_config, shaped_context, shaped_seed
from ovpo_sdk.shaping.frames import shaped_index
from ovpo_sdk.shaping.hashing import prompt_hash, user_hash
from ovpo_sdk.shaping.numbers import plain
from ovpo_sdk.shaping.problems import is_sound_text, quoted
from ovpo_sdk.shaping.structs import shaped_costs
from ovpo_sdk.shaping.texts import PROMPT_CHARACTERS, cut
from ovpo_sdk.shaping.whole import sound, sound_value

if TYPE_CHECKING:
    from ovpo_sdk.shaping.personal import PersonalData
    from ovpo_sdk.shaping.problems import Problem

MOST_URI: Final = 2048
MOST_FRAMES: Final = 8_000_000
"""Frames of which a trace remembers whether they came, a byte each: three days of video."""
LEAST_WITHHELD: Final = 4
"""Characters of a prompt that is looked for; a shorter one is found in ordinary words."""
NO_CONTEXT: Final[Mapping[str, Any]] = {"prompt_hash": prompt_hash(""), "prompt_length": 0}
"""What is said of a run of which nothing can be read."""
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+")
_AT_FIRST: Final = frozenset({TraceStatus.PENDING, TraceStatus.GENERATING})
_log: Final = logging.getLogger("ovpo_sdk")


@dataclass(frozen=True, slots=True)
class Given:
    """What a trace says of itself in each of its records."""

    config: dict[str, Any]
    config_ref: str | None
    context: dict[str, Any]
    user_hash: str | None
    parent: str | None
    tags: dict[str, str]
    costs: Costs | None
    retry_count: int
    status: TraceStatus
    expected_frames: int | None
    shape: Shaper
    withheld: tuple[str, ...]
    """The words of the run's prompts, which stand nowhere in its trace."""

    @classmethod
    def of_nothing(cls, shape: Shaper) -> Given:
        """Give what is said where there is no run."""
        return cls({}, None, dict(NO_CONTEXT), None, None, {}, None, 0, TraceStatus.GENERATING, None, shape, ())


@dataclass(frozen=True, slots=True)
class Shaper:
    """Makes what a caller hands in fit the contract, and keeps personal data out of it; a notice is no breach."""

    personal: PersonalData
    problem: Problem
    notice: Problem
    user_salt: str = ""

    def tree(self, values: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Make nested values plain."""
        shaped = shaped_config(values, self.problem)
        cleaned: dict[str, Any] = self.personal.clean_tree(shaped, where, self.notice)
        return shaped if cleaned == shaped else shaped_config(cleaned, self.problem)

    def config(
        self, model: str | None, config: Mapping[str, Any] | None, withheld: tuple[str, ...], reference: str | None
    ) -> dict[str, Any]:
        """Tell how the pipeline is set, unless that is kept elsewhere: then the contract has it empty."""
        if reference is not None:
            if config:
                self.problem("config was left out, because config_ref says where it is kept; hand in one of both")
            return {}
        whole: dict[str, Any] = self.tree({**({} if model is None else {"model": model}), **(config or {})}, "config")
        shown: dict[str, Any] = hidden(whole, withheld)
        return shown

    def tags(self, values: Mapping[str, object]) -> dict[str, str]:
        """Make tags fit; a number is as good as its text."""
        return tag_rules.shaped({name: self._tag(name, plain(value)) for name, value in values.items()}, self.problem)

    def costs(self, given: Costs | None) -> Costs | None:
        """Make sure of whom the cost is put down to."""
        known = sound(given, Costs, "costs", self.problem)
        sound_ones = None if known is None else shaped_costs(known, self.problem)
        if sound_ones is None:
            return None
        cleaned = self.personal.clean_tree(to_builtins(sound_ones), "costs", self.notice)
        return shaped_costs(convert(cleaned, Costs), self.problem)

    def context(
        self,
        prompt: str | None,
        negative_prompt: str | None,
        seed: int | None,
        more: Mapping[str, Any] | None,
        *,
        keep_prompt: bool,
    ) -> dict[str, Any]:
        """Tell what came in; a prompt's own words only where that was asked for."""
        words, unwanted = self._text(prompt, "prompt") or "", self._text(negative_prompt, "negative_prompt")
        withheld = () if keep_prompt else withheld_of(prompt, negative_prompt)
        context: dict[str, Any] = hidden(self._more(more), withheld)
        context |= {"prompt_hash": prompt_hash(words), "prompt_length": len(words)}
        if unwanted is not None:
            context["negative_prompt_hash"] = prompt_hash(unwanted)
        if seed is not None and (known := shaped_seed(seed, self.problem)) is not None:
            context["seed"] = known
        if keep_prompt and words:
            _log.warning("ovpo: keep_prompt sends a prompt's own words, which may be personal data")
            shown = self.personal.clean(words[: 2 * PROMPT_CHARACTERS], "prompt", self.notice)
            context["prompt_plaintext"] = cut(shown, PROMPT_CHARACTERS)
        return context

    def parent(self, trace_id: str | None) -> str | None:
        """Make sure of another trace's id."""
        found: str | None = sound_value(trace_id, Id, "parent", "hand in the id of a trace: trace.id", self.problem)
        return found

    def config_ref(self, uri: str | None) -> str | None:
        """Make sure of where a configuration is kept."""
        known = self._text(uri, "config_ref")
        if known is None or (len(known) <= MOST_URI and _ADDRESS.fullmatch(known) and is_sound_text(known)):
            return known
        self.problem(f"config_ref was left out; hand in an absolute URI of at most {MOST_URI} characters")
        return None

    def hashed_user(self, user: str | None) -> str | None:
        """Tell who asked, without saying who."""
        known = self._text(user, "user")
        return None if known is None else user_hash(known, self.user_salt)

    def frames(self, given: int | None) -> int | None:
        """Make sure of how many frames are expected."""
        known = self.count(given, "expected_frames")
        if known is not None and known > MOST_FRAMES:
            self.problem(f"expected_frames is {known}, and at most {MOST_FRAMES} are counted; leave it out")
            return None
        return known

    def count(self, given: int | None, field: str) -> int | None:
        """Make sure of a number of things."""
        return None if given is None else shaped_index(given, self.problem, field)

    def status(self, given: TraceStatus) -> TraceStatus:
        """Make sure of how a trace may begin."""
        if given in _AT_FIRST:
            return TraceStatus(given)
        self.problem(f"status is {quoted(given)}; a trace begins as PENDING or GENERATING, its end says the rest")
        return TraceStatus.GENERATING

    def _more(self, more: Mapping[str, Any] | None) -> dict[str, Any]:
        if more is None:
            return {}
        shaped = shaped_context(more, self.problem)
        cleaned: dict[str, Any] = self.personal.clean_tree(shaped, "context", self.notice)
        return shaped if cleaned == shaped else shaped_context(cleaned, self.problem)

    def _tag(self, name: object, value: object) -> object:
        if isinstance(value, int | float):
            return str(value)
        return self.personal.clean(value, f"tag {quoted(name)}", self.notice) if isinstance(value, str) else value

    def _text(self, given: object, field: str) -> str | None:
        if given is None or isinstance(given, str):
            return given
        self.problem(f"{field} is a {type(given).__name__}; hand in a text")
        return None


def withheld_of(*prompts: str | None) -> tuple[str, ...]:
    """Give the words that are to stand nowhere."""
    return tuple(one for one in prompts if isinstance(one, str) and len(one) >= LEAST_WITHHELD)


def hidden(tree: Any, withheld: tuple[str, ...]) -> Any:
    """Take words out of every text of a tree."""
    if not withheld:
        return tree
    if isinstance(tree, str):
        for words in withheld:
            tree = tree.replace(words, "[prompt]")
        return tree
    if isinstance(tree, dict):
        return {name: hidden(value, withheld) for name, value in tree.items()}
    return [hidden(value, withheld) for value in tree] if isinstance(tree, list) else tree
