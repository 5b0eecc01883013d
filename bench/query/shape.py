# SPDX-License-Identifier: Apache-2.0
"""What the stores of the benchmark hold: how much of it, in which shares, over which time. No row is made here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

LARGE: Final = "bench-large"
SMALL: Final = tuple(f"bench-small-{number:02}" for number in range(1, 21))
TENANTS: Final = (LARGE, *SMALL)
LARGE_SHARE: Final = 0.9
DAYS: Final = timedelta(days=60)
GROWTH: Final = 2.0
"""How many times as many traces the last day has as the first."""

STATUSES: Final = {
    "COMPLETED": 0.872,
    "FAILED": 0.06,
    "CANCELLED": 0.025,
    "TIMEOUT": 0.02,
    "PARTIAL": 0.013,
    "GENERATING": 0.007,
    "PENDING": 0.003,
}
UNFINISHED: Final = ("GENERATING", "PENDING")
UNFINISHED_WITHIN: Final = timedelta(days=1)
FAILURES: Final = {
    "oom": 0.38,
    "crash": 0.2,
    "timeout": 0.15,
    "validation_error": 0.12,
    "hardware_error": 0.08,
    "unknown": 0.05,
    "cancelled": 0.02,
}
ORPHANS: Final = 0.002
FINDINGS: Final = 0.01
LEGAL_HOLDS: Final = 0.0005


@dataclass(frozen=True, slots=True)
class Model:
    """A model: its share of the traces, how slow it is, what it runs on and what it fills of that."""

    name: str
    share: float
    slowness: float
    hardware: str
    vram_mb: float
    width: int
    height: int


MODELS: Final = (
    Model("wan-2.1-14b", 0.34, 2.2, "h100", 58_000, 1280, 720),
    Model("wan-2.1-1.3b", 0.24, 0.6, "rtx_4090", 15_000, 832, 480),
    Model("hunyuan-video", 0.17, 2.8, "h100", 66_000, 1280, 720),
    Model("ltx-video-0.9", 0.13, 0.35, "a100_40gb", 21_000, 768, 512),
    Model("cogvideox-5b", 0.09, 1.4, "a100_40gb", 31_000, 720, 480),
    Model("mochi-1", 0.03, 3.5, "l40s", 42_000, 848, 480),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a pipeline: its kind of span, name, median time, and how much that varies (sigma of the log)."""

    kind: str
    name: str
    seconds: float
    sigma: float


STAGES: Final = (
    Stage("QUEUE", "wait for a GPU", 3.0, 1.1),
    Stage("LOAD", "load weights", 1.2, 0.8),
    Stage("GUARD", "check prompt", 0.08, 0.4),
    Stage("TEXT_ENCODE", "encode prompt", 0.35, 0.3),
    Stage("SAMPLING", "denoise", 18.0, 0.35),
    Stage("SAMPLING", "refine", 6.0, 0.4),
    Stage("DECODE", "decode latents", 4.0, 0.3),
    Stage("POSTPROCESS", "interpolate", 2.0, 0.5),
    Stage("GUARD", "check frames", 0.4, 0.4),
    Stage("OUTPUT_ENCODE", "encode video", 1.5, 0.3),
    Stage("OUTPUT_ENCODE", "encode thumbnail", 0.1, 0.3),
)
WITHOUT_GUARD: Final = ("mochi-1", "cogvideox-5b")
"""Models whose pipelines load an image instead of checking a prompt and sharpen instead of checking frames."""

SAMPLING: Final = 4
SPANS: Final = 10
FRAMES: Final = 20
LONG_VIDEO: Final = 300
LONG_VIDEOS: Final = 0.03

TAGS: Final[dict[str, tuple[tuple[str, ...], float]]] = {
    "team": (("ads", "film", "games", "growth", "labs", "news", "shop", "studio"), 1.0),
    "env": (("prod", "staging", "dev"), 1.0),
    "release": (tuple(f"2026.{number}" for number in range(1, 13)), 0.9),
    "customer": (tuple(f"c{number:03}" for number in range(200)), 0.6),
    "priority": (("low", "normal", "high"), 0.3),
}
PROJECTS: Final = tuple(f"project-{letter}" for letter in "abcdefghijkl")
CENTERS: Final = ("r-and-d", "marketing", "production", "education")
CAMPAIGNS: Final = tuple(f"campaign-{number:02}" for number in range(30))
USERS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Scale:
    """How much there is, whence it follows deterministically, and the moment at which the sixty days end."""

    traces: int
    seed: int
    end: datetime

    @property
    def spans(self) -> int:
        """Spans of all traces."""
        return self.traces * SPANS

    @property
    def frames(self) -> int:
        """Frame events of all traces."""
        return self.traces * FRAMES

    @property
    def longest(self) -> int:
        """Frame events of the one trace that has the most."""
        return self.traces

    @property
    def long_videos(self) -> int:
        """Traces with `LONG_VIDEO` frame events."""
        return round(self.traces * LONG_VIDEOS)

    @property
    def start(self) -> datetime:
        """When the sixty days begin."""
        return self.end - DAYS

    def numbers(self, *stream: int) -> np.random.Generator:
        """Give the random numbers of one purpose, the same at each run."""
        return np.random.default_rng((self.seed, *stream))
