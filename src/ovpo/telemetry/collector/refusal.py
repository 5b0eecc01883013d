# SPDX-License-Identifier: Apache-2.0
"""The one error of the collector: a request that is not taken, with the contract's code. HTTP is `app`'s business."""

from ovpo.foundation.http.errors import Code


class RefusedError(Exception):
    """Nothing of the request is claimed as accepted; `field` names what is wrong where one thing is."""

    def __init__(self, code: Code, message: str, *, field: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(f"{code}: {field}: {message}" if field else f"{code}: {message}")
        self.code = code
        self.message = message
        self.field = field
        self.retry_after = retry_after
