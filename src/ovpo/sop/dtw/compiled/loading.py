# SPDX-License-Identifier: Apache-2.0
"""Makes the compiled programme ready in the background; until then, and where it cannot be, NumPy's serves."""

import logging
from threading import Event, Lock, Thread
from typing import Final

from ovpo.sop.dtw import wavefront
from ovpo.sop.dtw.directions import Programme

_log: Final = logging.getLogger(__name__)


class Loading:
    """The programme to use now."""

    def __init__(self) -> None:
        self._now: Programme = wavefront.PROGRAMME
        self._begun, self._done = Lock(), Event()

    @property
    def now(self) -> Programme:
        """The compiled programme where it is ready, else NumPy's."""
        return self._now

    def begin(self) -> None:
        """Start making it ready, unless that was started before."""
        if self._begun.acquire(blocking=False):
            Thread(target=self._load, name="dtw-compile", daemon=True).start()

    def ready(self, timeout: float | None = None) -> bool:
        """Wait for the compiled programme, and say whether it is there: for services, benchmarks and tests."""
        self.begin()
        self._done.wait(timeout)
        return self._now is not wavefront.PROGRAMME

    def _load(self) -> None:
        try:
            self._now = _compiled()
        except Exception:  # noqa: BLE001
            _log.warning("no compiled alignment, NumPy's is used", exc_info=True)
        finally:
            self._done.set()


def _compiled() -> Programme:
    from ovpo.sop.dtw.compiled import kernels

    try:
        return kernels.programme(cache=True)
    except RuntimeError:
        # Neither the package's folder nor the user's may be written to, so there is no place for a cache.
        return kernels.programme(cache=False)


LOADING: Final = Loading()
