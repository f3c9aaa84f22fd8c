"""Files that contain addresses: written completely or not at all, and readable by one user only."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, TextIO

from newsletter.atomic_write import advise
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def private_file(path: Path, begins: str) -> Iterator[TextIO]:
    """Write a text file (UTF-8, mode 600) that gets its name when it is complete.

    Args:
        path: The file.
        begins: The first characters of such a file: a file that begins otherwise is not replaced.

    Raises:
        NewsletterError: It cannot be written, or another kind of file has that name.
    """
    _refuse_other(path, begins)
    scratch = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
    with _explained(path):
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with _explained(path):
            file = open(handle, "w", encoding="utf-8", newline="")  # noqa: PTH123, SIM115 - a handle
            with contextlib.closing(file):
                yield file
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def _refuse_other(path: Path, begins: str) -> None:
    with _explained(path):
        if not os.path.lexists(path):
            return
        ours = path.is_file() and not path.is_symlink()
        if ours:
            with path.open("rb") as file:
                ours = file.read(len(begins)) in {b"", begins.encode()}
    if not ours:
        raise NewsletterError(
            f"{path} is another kind of file and is not replaced",
            hint="Name another file, or remove that one first",
        )


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NewsletterError(
            f"{path} cannot be written: {error.strerror}",
            hint=advise(error, "Name a file in a folder that this user may write"),
        ) from None
