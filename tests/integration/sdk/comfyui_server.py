# SPDX-License-Identifier: Apache-2.0
"""A small server that executes workflows by the rules that ComfyUI documents for nodes, and stands in for its models.

Rules: every node is asked `IS_CHANGED` before any is executed; a node is executed when it, what is typed into it or
something above it changed since the last time; hidden inputs are handed over by kind, and the workflow is one object
for all nodes of an execution; a failure stops the execution, and what was executed by then stays cached.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import torch

Graph = dict[str, dict[str, Any]]


class InterruptProcessingException(Exception):  # noqa: N818 - ComfyUI's name
    """The button was pressed."""


class OldPatcher:
    """A model as it goes from node to node; its clones copy its options deeply."""

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        self.model_options = options or {"transformer_options": {}}

    def clone(self) -> OldPatcher:
        return type(self)(copy.deepcopy(self.model_options))

    def set_model_sampler_post_cfg_function(self, function: Callable[[dict[str, Any]], Any]) -> None:
        self.model_options["sampler_post_cfg_function"] = [
            *self.model_options.get("sampler_post_cfg_function", []),
            function,
        ]

    def sample(self, work: Callable[[], Any]) -> Any:
        return work()


class Patcher(OldPatcher):
    """A model that also takes wrappers."""

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        super().__init__(options)
        self.wrappers: dict[str, list[Callable[..., Any]]] = {}

    def clone(self) -> Patcher:
        made = type(self)(copy.deepcopy(self.model_options))
        made.wrappers = {kind: list(wrappers) for kind, wrappers in self.wrappers.items()}
        return made

    def add_wrapper_with_key(self, kind: str, key: str, wrapper: Callable[..., Any]) -> None:
        assert key
        self.wrappers.setdefault(kind, []).append(wrapper)

    def sample(self, work: Callable[[], Any]) -> Any:
        for wrapper in reversed(self.wrappers.get("outer_sample", [])):
            work = _wrapped(wrapper, work)
        return work()


def _wrapped(wrapper: Callable[..., Any], work: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: wrapper(work)


class LoadModel:
    """A model by its name."""

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "load"
    patcher: type[OldPatcher] = Patcher

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"name": ("STRING",)}}

    def load(self, name: str) -> tuple[OldPatcher]:
        return (self.patcher({"transformer_options": {}, "name": name}),)


class Sample:
    """Takes noise away, step by step; `evaluations` times the model is asked at each noise level."""

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "sample"
    breaks: Mapping[int, BaseException] = {}
    nan_from: int | None = None

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {
            "required": {"model": ("MODEL",), "text": ("STRING",), "seed": ("INT",), "steps": ("INT",)},
            "optional": {"latent": ("LATENT",), "evaluations": ("INT",)},
        }

    def sample(
        self,
        model: OldPatcher,
        text: str,
        seed: int,
        steps: int,
        latent: torch.Tensor | None = None,
        evaluations: int = 1,
    ) -> tuple[torch.Tensor]:
        noise = torch.randn((1, 4, 5, 8, 8), generator=torch.Generator().manual_seed(seed + len(text)))
        return (model.sample(lambda: self._sampled(model, noise if latent is None else latent, steps, evaluations)),)

    def _sampled(self, model: OldPatcher, x: torch.Tensor, steps: int, evaluations: int) -> torch.Tensor:
        for step in range(steps):
            sigma = torch.full((1,), float(steps - step))
            if step in self.breaks:
                raise self.breaks[step]
            for _ in range(evaluations):
                denoised = x * (0.9 if self.nan_from is None or step < self.nan_from else float("nan"))
                for function in model.model_options.get("sampler_post_cfg_function", []):
                    args = {
                        "denoised": denoised,
                        "sigma": sigma,
                        "input": x,
                        "model": object(),
                        "cond": [],
                        "uncond": [],
                    }
                    denoised = function({**args, "model_options": model.model_options})
            x = denoised
        return x


class Decode:
    """Latents to images."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "decode"
    breaks: BaseException | None = None

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"samples": ("LATENT",)}}

    def decode(self, samples: torch.Tensor) -> tuple[torch.Tensor]:
        if self.breaks is not None:
            raise self.breaks
        return (samples[0].movedim(0, -1)[..., :3].sigmoid(),)


class Brighten:
    """Something that is done to images."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "brighten"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"images": ("IMAGE",), "factor": ("FLOAT",)}}

    def brighten(self, images: torch.Tensor, factor: float) -> tuple[torch.Tensor]:
        return ((images * factor).clamp(0, 1),)


class Save:
    """Where a workflow ends."""

    RETURN_TYPES = ()
    FUNCTION = "save"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"images": ("IMAGE",)}}

    def save(self, images: torch.Tensor) -> dict[str, Any]:
        return {"ui": {"images": [images]}}


NODES: dict[str, Any] = {one.__name__: one for one in (LoadModel, Sample, Decode, Brighten, Save)}


class Server:
    """Executes workflows, one after the other."""

    def __init__(self, nodes: Mapping[str, Any]) -> None:
        self._nodes = {**NODES, **nodes}
        self._outputs: dict[str, tuple[Any, ...]] = {}
        self._signatures: dict[str, str] = {}
        self.executed: list[str] = []
        self.ui: dict[str, dict[str, Any]] = {}

    def execute(self, graph: Graph) -> BaseException | None:
        """Execute what changed; give what stopped it."""
        graph = copy.deepcopy(graph)
        self.executed, self.ui = [], {}
        changed = {name: self._is_changed(node) for name, node in graph.items()}
        signatures = {name: self._signature(graph, name, changed) for name in graph}
        stale = [name for name, signature in self._signatures.items() if signatures.get(name) != signature]
        for name in stale:
            del self._signatures[name], self._outputs[name]
        try:
            for name, node in graph.items():
                if getattr(self._nodes[node["class_type"]], "OUTPUT_NODE", False):
                    self._run(graph, name, signatures)
        except BaseException as error:  # noqa: BLE001 - as ComfyUI does, which tells its user
            return error
        return None

    def _is_changed(self, node: dict[str, Any]) -> str:
        kind = self._nodes[node["class_type"]]
        if not hasattr(kind, "IS_CHANGED"):
            return "False"
        typed = {name: value for name, value in node["inputs"].items() if not isinstance(value, list)}
        hidden: dict[str, Any] = {name: {} for name, what in _hidden(kind).items() if what == "PROMPT"}
        node["is_changed"] = [kind.IS_CHANGED(**typed, **hidden)]
        return json.dumps(node["is_changed"])

    def _signature(self, graph: Graph, name: str, changed: Mapping[str, str]) -> str:
        node = graph[name]
        parts = [node["class_type"], changed[name]]
        for key, value in sorted(node["inputs"].items()):
            parts.append(f"{key}={self._signature(graph, value[0], changed) if isinstance(value, list) else value!r}")
        return f"({','.join(parts)})"

    def _run(self, graph: Graph, name: str, signatures: Mapping[str, str]) -> tuple[Any, ...]:
        if name in self._outputs:
            return self._outputs[name]
        node = graph[name]
        kind = self._nodes[node["class_type"]]
        inputs = {
            key: self._run(graph, value[0], signatures)[value[1]] if isinstance(value, list) else value
            for key, value in node["inputs"].items()
        }
        types = kind.INPUT_TYPES()
        assert set(types["required"]) <= set(inputs) <= set(types["required"]) | set(types.get("optional", {}))
        for key, what in _hidden(kind).items():
            inputs[key] = {"PROMPT": graph, "UNIQUE_ID": name}[what]
        self.executed.append(name)
        result: Any = getattr(kind(), kind.FUNCTION)(**inputs)
        if isinstance(result, dict):
            self.ui[name] = result["ui"]
            result = result.get("result", ())
        assert len(result) == len(kind.RETURN_TYPES)
        self._outputs[name], self._signatures[name] = tuple(result), signatures[name]
        return self._outputs[name]


def _hidden(kind: Any) -> dict[str, str]:
    found: dict[str, str] = kind.INPUT_TYPES().get("hidden", {})
    return found


def text_to_video(*, seed: int = 1, steps: int = 4, text: str = "a red fox", fps: float = 25.0, **more: Any) -> Graph:
    """A workflow with both our nodes; `factor` brightens its images, `evaluations` asks the model more often."""
    sampling = {"evaluations": more["evaluations"]} if "evaluations" in more else {}
    return {
        "1": _node("LoadModel", name="wan.safetensors"),
        "2": _node("OvpoStart", model=["1", 0], model_name="wan-2.1", tags="project=demo, take=3"),
        "3": _node("Sample", model=["2", 0], text=text, seed=seed, steps=steps, **sampling),
        "4": _node("Decode", samples=["3", 0]),
        "5": _node("Brighten", images=["4", 0], factor=more.get("factor", 1.0)),
        "6": _node("OvpoFinish", images=["5", 0], fps=fps),
        "7": _node("Save", images=["6", 0]),
    }


def two_models() -> Graph:
    """A workflow in which two models take turns."""
    return {
        **text_to_video(),
        "8": _node("LoadModel", name="wan-low.safetensors"),
        "9": _node("OvpoStart", model=["8", 0], model_name="wan-low"),
        "10": _node("Sample", model=["9", 0], text="a red fox", seed=1, steps=3, latent=["3", 0]),
        "4": _node("Decode", samples=["10", 0]),
    }


def _node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}
