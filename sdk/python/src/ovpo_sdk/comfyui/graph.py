# SPDX-License-Identifier: Apache-2.0
"""A workflow as ComfyUI hands it to a node (`PROMPT`): what it hashes to, and what its OVPO Start is set to. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ovpo_sdk.shaping.hashing import prompt_hash
from ovpo_sdk.shaping.tags import shaped
from ovpo_sdk.shaping.texts import WORD_CHARACTERS, cut

START: Final = "OvpoStart"
FINISH: Final = "OvpoFinish"
NAMELESS: Final = "comfyui"

Graph = Mapping[str, Any]
"""Nodes by id, each with its `class_type` and its `inputs`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an OVPO Start is set to."""

    model: str
    tags: Mapping[str, str]


def settings(model_name: object, tags: object) -> Settings:
    """Read the inputs of an OVPO Start; tags are written as `name=text`, apart by commas or on lines of their own."""
    model = cut(model_name.strip(), WORD_CHARACTERS) if isinstance(model_name, str) else ""
    lines = tags.replace("\n", ",").split(",") if isinstance(tags, str) else []
    pairs = [line.split("=", 1) for line in lines if "=" in line]
    return Settings(model or NAMELESS, shaped({name.strip(): text.strip() for name, text in pairs}, lambda _: None))


def settings_in(graph: Graph | None) -> Settings:
    """Find what the first OVPO Start of a workflow is set to."""
    for node in (graph or {}).values():
        if isinstance(node, Mapping) and node.get("class_type") == START:
            inputs = node.get("inputs", {})
            return settings(inputs.get("model_name"), inputs.get("tags"))
    return settings(None, None)


def hash_of(graph: Graph | None) -> str:
    """Give the hash that stands for a workflow: its nodes with what is typed into them, prompts and seeds too."""
    nodes = {
        str(name): [node.get("class_type"), node.get("inputs")]
        for name, node in (graph or {}).items()
        if isinstance(node, Mapping)
    }
    return prompt_hash(json.dumps(nodes, sort_keys=True, default=str) if nodes else "")
