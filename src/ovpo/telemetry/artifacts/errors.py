# SPDX-License-Identifier: Apache-2.0
"""Why an artifact that a trace refers to cannot be handed out, as one family of errors."""


class ArtifactError(Exception):
    """The artifact cannot be handed out; the message says why, to whoever may know that the trace refers to it."""


class UnusableUriError(ArtifactError):
    """The reference leads nowhere that a tenant could have kept something."""


class ClosedPlaceError(ArtifactError):
    """The reference leads to a place for which no links are signed."""
