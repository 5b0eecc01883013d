# SPDX-License-Identifier: Apache-2.0
"""Steps below a folder in which others write: name by name through open folders, so that no link leads elsewhere.

`ovpo.foundation.objects.folder` reads so; here folders are also made and names moved.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from ovpo.sop.intake.errors import ArrivalGoneError, InboxUnavailableError, IntakeError

FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How a file is opened: never through a link, and without waiting for whoever writes into a pipe."""
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
_OUTAGE: Final = frozenset(
    {
        errno.EDQUOT,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.ENOTCONN,
        errno.EROFS,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)
_REMEDY: Final = {
    "not_readable": "the file may not be read ({}); let the user that OVPO runs as read it, and drop it again",
    "not_movable": "the file may not be moved within the inbox ({}); let the user that OVPO runs as write in its "
    "folder, and keep the whole inbox on one file system",
}


@contextmanager
def opened_root(root: Path) -> Iterator[int]:
    """Open the inbox itself, which the operator chose; it may be a link."""
    try:
        opened = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise InboxUnavailableError(
            f"inbox {root} cannot be opened ({error.strerror}); make or mount it, or check OVPO_SOP__INBOX"
        ) from error
    try:
        yield opened
    finally:
        os.close(opened)


@contextmanager
def opened_folder(root: int, names: Sequence[str], *, made: bool = False) -> Iterator[int]:
    """Open the folder that some names lead to, one after the other; with `made`, those that are missing are made."""
    with ExitStack() as opened:
        folder = os.dup(root)
        opened.callback(os.close, folder)
        for name in names:
            if name in {"", ".", ".."}:
                raise FileNotFoundError(errno.ENOENT, "no such folder")
            if made:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o770, dir_fd=folder)
            folder = os.open(name, _FOLDER, dir_fd=folder)
            opened.callback(os.close, folder)
        yield folder


@contextmanager
def translated(code: str) -> Iterator[None]:
    """Turn what the system says into ours: gone, an outage of the whole inbox, or a fault of this one file."""
    try:
        yield
    except OSError as error:
        if error.errno in _GONE:
            raise ArrivalGoneError from error
        if error.errno in _OUTAGE:
            raise InboxUnavailableError(
                f"the inbox does not serve: {error.strerror}; check OVPO_SOP__INBOX and its disk"
            ) from error
        raise IntakeError(code, _REMEDY[code].format(error.strerror)) from error
