# SPDX-License-Identifier: Apache-2.0
"""Windows of pictures to rows: batches through the encoder, smaller ones when memory runs out."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from ovpo.sop.embedders.vjepa2.options import Precision
from ovpo.sop.embedders.vjepa2.transfer import PinnedLane, PlainLane
from ovpo.sop.embedders.vjepa2.windows import Stretch
from ovpo.sop.embedding import Rows
from ovpo.sop.errors import EmbeddingError

MEAN: Final = (0.485, 0.456, 0.406)
STD: Final = (0.229, 0.224, 0.225)
TYPES: Final = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


class Encoding:
    """Runs an encoder on a device; `batch` is how many clips it takes at once, and only ever falls."""

    def __init__(self, encoder: Callable[..., Any], device: torch.device, precision: Precision, batch: int) -> None:
        self._encoder = encoder
        self._device = device
        self._type = TYPES[precision]
        self._lane = PinnedLane(device) if device.type == "cuda" else PlainLane()
        self._mean = (255 * torch.tensor(MEAN, device=device)).view(3, 1, 1)
        self._scale = (1 / (255 * torch.tensor(STD, device=device))).view(3, 1, 1)
        self.batch = batch

    def rows(self, stretches: Iterable[Stretch]) -> Rows:
        """Give the rows of all windows; on CUDA nothing waits for them before the last."""
        parts: list[Tensor] = []
        repeats: list[int] = []
        try:
            with torch.inference_mode():
                for stretch in stretches:
                    with self._lane.sent(stretch.pictures) as pictures:
                        parts += self.windows(pictures, stretch.starts, stretch.length)
                    repeats += stretch.rows
                rows: Rows = torch.cat(parts or [torch.zeros(0, 1)]).cpu().numpy()
        except torch.OutOfMemoryError as error:
            raise self._too_small() from error
        if not len(rows):
            raise EmbeddingError("no_pictures", "the video has no picture that could be embedded; is it empty?")
        if not np.isfinite(rows).all():
            raise EmbeddingError(
                "not_finite", "the encoder gave numbers that are not finite; set precision to bf16 or fp32"
            )
        return np.repeat(rows, repeats, axis=0)

    def windows(self, pictures: Tensor, starts: Sequence[int], length: int) -> list[Tensor]:
        """Give the rows of windows into pictures that are on the device; they stay there."""
        parts: list[Tensor] = []
        done = 0
        while done < len(starts):
            some = starts[done : done + self.batch]
            rows = self._attempt(pictures, some, length)
            if rows is None:
                self._halve()
                continue
            parts.append(rows)
            done += len(some)
        return parts

    def _attempt(self, pictures: Tensor, starts: Sequence[int], length: int) -> Tensor | None:
        try:
            return self._encoded(pictures, starts, length)
        except torch.OutOfMemoryError:
            return None

    def _halve(self) -> None:
        if self.batch == 1:
            raise self._too_small()
        self.batch //= 2
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _too_small(self) -> EmbeddingError:
        return EmbeddingError(
            "out_of_memory",
            f"one clip does not fit into the memory of {self._device}; free some, or set device to cpu",
        )

    def _encoded(self, pictures: Tensor, starts: Sequence[int], length: int) -> Tensor:
        places = torch.tensor(starts)[:, None] + torch.arange(length)
        if self._device.type == "cuda":
            places = places.pin_memory().to(self._device, non_blocking=True)
        clips = pictures[places].permute(0, 1, 4, 2, 3).to(torch.float32, memory_format=torch.contiguous_format)
        clips = clips.sub_(self._mean).mul_(self._scale)
        with torch.autocast(self._device.type, dtype=self._type, enabled=self._type is not torch.float32):
            tokens: Tensor = self._encoder(pixel_values_videos=clips).last_hidden_state
        return normalize(tokens.float().mean(dim=1), dim=1)
