# SPDX-License-Identifier: Apache-2.0
"""The V-JEPA 2 embedder: a row is the mean over the encoder's tokens of a window, of unit length."""

from collections.abc import Iterable, Iterator

import torch

from ovpo.sop.clips import Clips
from ovpo.sop.embedders.interface import Seen
from ovpo.sop.embedders.vjepa2.encoding import Encoding
from ovpo.sop.embedders.vjepa2.memory import fitting_batch
from ovpo.sop.embedders.vjepa2.options import Precision, VJepa2Options
from ovpo.sop.embedders.vjepa2.pictures import Light, Shaping
from ovpo.sop.embedders.vjepa2.weights import find, load
from ovpo.sop.embedders.vjepa2.windows import stretches
from ovpo.sop.embedding import Maker
from ovpo.sop.errors import EmbeddingError
from ovpo.sop.video.samples import Picture, Sample, Sampling

VERSION = "1"


class VJepa2:
    """Loads the model when it is made; equal weights are one maker, wherever they were loaded from."""

    def __init__(self, options: VJepa2Options) -> None:
        device = _device(options.device)
        precision = options.precision or _precision(device)
        loaded = load(find(options.model, options.revision))
        config = loaded.config
        _check(options, config.tubelet_size)
        self._tubelet = config.tubelet_size
        self._shaping = Shaping(config.crop_size)
        self._maker = Maker(
            embedder="vjepa2",
            version=VERSION,
            dims=config.hidden_size,
            clips=Clips(window=options.window, stride=options.stride),
            settings={
                "weights": loaded.digest,
                "crop": self._shaping.crop,
                "short_side": self._shaping.short_side,
                "precision": precision,
            },
        )
        encoder = loaded.encoder.to(device)
        batch = options.batch or fitting_batch(config, options.window, device)
        self._encoding = Encoding(torch.compile(encoder) if options.compiled else encoder, device, precision, batch)

    @property
    def maker(self) -> Maker:
        """Name the weights by their digest, and the precision, since both change the rows."""
        return self._maker

    @property
    def sampling(self) -> Sampling:
        """Ask for pictures that are just large enough for the model's square."""
        return Sampling(frames_per_second=self._maker.clips.frames_per_second, longest_side=self._shaping.longest_side)

    def embed(self, samples: Iterable[Sample]) -> Seen:
        """Make the rows; of the pictures, only those of the stretch in hand are kept."""
        light = Light()
        windows = stretches(self._pictures(samples, light), self._maker.clips, self._tubelet, self._batch)
        rows = self._encoding.rows(windows)
        return Seen(rows, *light.by_row(self._maker.clips))

    def _pictures(self, samples: Iterable[Sample], light: Light) -> Iterator[Picture]:
        for sample in samples:
            light.see(sample.picture)
            yield self._shaping.shape(sample.picture)

    def _batch(self) -> int:
        return self._encoding.batch


def _check(options: VJepa2Options, tubelet: int) -> None:
    if options.window < tubelet or options.window % tubelet:
        raise EmbeddingError("bad_window", f"window is {options.window}; give a multiple of {tubelet}")
    if options.stride < 1:
        raise EmbeddingError("bad_stride", f"stride is {options.stride}; give 1 or more")
    if options.batch is not None and options.batch < 1:
        raise EmbeddingError("bad_batch", f"batch is {options.batch}; give 1 or more, or leave it out")


def _device(asked: str | None) -> torch.device:
    if asked is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(asked)
    except RuntimeError as error:
        raise EmbeddingError("no_device", f"device is {asked!r}; give cpu, cuda or cuda:1, or leave it out") from error
    if device.type not in ("cpu", "cuda"):
        raise EmbeddingError("no_device", f"device is {asked!r}; give cpu, cuda or cuda:1, or leave it out")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise EmbeddingError("no_device", f"device is {asked!r}, which is not there; leave it out or give cpu")
    return device


def _precision(device: torch.device) -> Precision:
    if device.type == "cpu":
        return "fp32"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
