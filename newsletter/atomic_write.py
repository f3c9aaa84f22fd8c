"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_ADVICE: Final = {
    errno.ENOSPC: "Free some space on that disk",
    errno.EDQUOT: "Free some of the space that this user may use",
    errno.EFBIG: "Raise the limit on the size of a file (ulimit -f)",
    errno.EROFS: "Choose a disk that can be written: this one is read-only",
    errno.ENAMETOOLONG: "Choose a shorter name",
    errno.EIO: "Look at the disk: it reports an error of its own",
}


def advise(error: OSError, otherwise: str = "Give this user the right to write there") -> str:
    """Return what a person can do about a file or a folder that could not be written.

    Args:
        error: Why it could not.
        otherwise: The advice where the error is not about the disk, so that rights may be missing.
    """
    return _ADVICE.get(error.errno or 0, otherwise)


def write_whole(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file that gets its name when it is complete; a file of that name is replaced.

    Args:
        path: The file.
        data: All of it.
        mode: Its permissions, as far as the user's umask lets them; those of a file that is
            replaced stay.

    Raises:
        OSError: It cannot be written; what had its name is unchanged.
    """
    if path.exists():
        path = path.resolve()  # a link stays a link
    scratch = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a handle
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            scratch.chmod(path.stat().st_mode & 0o777)
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
