# SPDX-License-Identifier: Apache-2.0
"""The two nodes as ComfyUI wants them: class attributes that say what goes in and out, and a method that is called.

They use what ComfyUI documents for custom nodes, and of a model patcher `clone`, `set_model_sampler_post_cfg_function`
and, where there is one, `add_wrapper_with_key`. A clone may copy a patcher's options deeply, so what is hung into a
model is a plain function, which copies as itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from ovpo_sdk.client import OvpoClient
from ovpo_sdk.comfyui.graph import FINISH, START, Graph, Settings, settings
from ovpo_sdk.comfyui.runs import Runs

CATEGORY: Final = "OVPO"
OUTER_SAMPLE: Final = "outer_sample"
"""ComfyUI's name for the wrappers that stand around a whole sampling."""
WRAPPER_KEY: Final = "ovpo"
RUNS: Final = Runs(OvpoClient)

Inputs = dict[str, dict[str, Any]]


class OvpoStart:
    """Begins a trace, and observes what is sampled with the model that goes through it."""

    CATEGORY = CATEGORY
    DESCRIPTION = "Traces what is sampled with this model, until OVPO Finish."
    RETURN_TYPES = ("MODEL",)
    FUNCTION = "start"
    runs: ClassVar[Runs] = RUNS

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802 - ComfyUI's name
        """Say what goes in."""
        return {
            "required": {
                "model": ("MODEL",),
                "model_name": ("STRING", {"default": "", "tooltip": "What the trace calls the model."}),
            },
            "optional": {
                "tags": ("STRING", {"default": "", "tooltip": "Tags to filter by: name=text, name=text"}),
            },
            "hidden": {"prompt": "PROMPT"},
        }

    @classmethod
    def IS_CHANGED(cls, **_: Any) -> str:  # noqa: N802 - ComfyUI's name
        """Not by itself, so that what was sampled stays cached; asked before an execution, which tells of a new one."""
        cls.runs.new_execution()
        return ""

    def start(self, model: Any, model_name: str, tags: str = "", prompt: Graph | None = None) -> tuple[Any]:
        """Begin."""
        if not self.runs.enabled:
            return (model,)
        given = settings(model_name, tags)
        self.runs.begin(given, prompt)
        return (observed(model, self.runs, given),)


class OvpoFinish:
    """Ends the trace with the frames that came of it, which go through."""

    CATEGORY = CATEGORY
    DESCRIPTION = "Ends the trace that OVPO Start began, with these images as its frames."
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "finish"
    OUTPUT_NODE = True
    runs: ClassVar[Runs] = RUNS

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802 - ComfyUI's name
        """Say what goes in."""
        return {
            "required": {
                "images": ("IMAGE",),
                "fps": ("FLOAT", {"default": 24.0, "min": 0.01, "max": 1000.0, "step": 0.01}),
            },
            "hidden": {"prompt": "PROMPT"},
        }

    def finish(self, images: Any, fps: float, prompt: Graph | None = None) -> dict[str, Any]:
        """End."""
        trace_id = self.runs.finish(images, fps, prompt) if self.runs.enabled else None
        return {"ui": {"ovpo_trace_id": [trace_id] if trace_id else []}, "result": (images,)}


def observed(model: Any, runs: Runs, given: Settings) -> Any:
    """Give a clone of a model patcher whose samplings are observed."""
    patched = model.clone()
    patched.set_model_sampler_post_cfg_function(_step_observer(runs, given))
    if hasattr(patched, "add_wrapper_with_key"):
        patched.add_wrapper_with_key(OUTER_SAMPLE, WRAPPER_KEY, _sampling_observer(runs, given))
    return patched


def _step_observer(runs: Runs, given: Settings) -> Callable[[dict[str, Any]], Any]:
    def observe(args: dict[str, Any]) -> Any:
        denoised = args["denoised"]
        runs.step(given, args.get("sigma"), denoised)
        return denoised

    return observe


def _sampling_observer(runs: Runs, given: Settings) -> Callable[..., Any]:
    def observe(executor: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with runs.sampling(given):
            return executor(*args, **kwargs)

    return observe


NODE_CLASS_MAPPINGS: Final[dict[str, type]] = {START: OvpoStart, FINISH: OvpoFinish}
NODE_DISPLAY_NAME_MAPPINGS: Final[dict[str, str]] = {START: "OVPO Start", FINISH: "OVPO Finish"}
