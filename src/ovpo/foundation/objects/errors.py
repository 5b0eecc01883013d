# SPDX-License-Identifier: Apache-2.0
"""Everything that can go wrong at an object store, as one family of errors."""

from ovpo.foundation.unavailable import StoreUnavailableError


class ObjectStoreError(Exception):
    """The store could not do what was asked, or was asked for what no store does."""


class ObjectNotFoundError(ObjectStoreError):
    """There is no object under that key."""


class ObjectAccessDeniedError(ObjectStoreError):
    """The store knows us and says no, or does not know us."""


class ObjectStoreUnavailableError(ObjectStoreError, StoreUnavailableError):
    """The store cannot be reached or cannot serve; the same call may work later."""


class ObjectRangeError(ObjectStoreError):
    """The object has no such bytes."""


class ObjectChangedError(ObjectStoreError):
    """The object is not the one that was looked at before: it was replaced in between."""
