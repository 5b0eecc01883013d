# SPDX-License-Identifier: Apache-2.0
"""What the SOP wing raises: one error a boundary, each with a code for machines and a sentence for people."""


class SopError(Exception):
    """Something that was given cannot be used; `code` is stable, the message says what to change."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class VideoError(SopError):
    """A file is no video that can be read."""


class EmbeddingError(SopError):
    """Embeddings cannot be made, read, or compared with one another."""


class AdapterError(SopError):
    """A feature adapter or a calibration cannot be fitted, read, or applied."""


class DefinitionError(SopError):
    """The definition of a procedure is not one."""


class AlignmentError(SopError):
    """Two sequences cannot be aligned."""


class MaskingError(SopError):
    """Masks that were asked for cannot be read or applied, so the video is not taken."""
