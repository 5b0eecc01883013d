# SPDX-License-Identifier: Apache-2.0
"""The one fault that all stores share, so that whoever serves people needs to know only this name of it."""


class StoreUnavailableError(Exception):
    """A store does not answer now; the same may work later."""
