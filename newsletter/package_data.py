"""Where the templates are that come with the program."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def template_folders(package: Path = _PACKAGE) -> tuple[Path, Path]:
    """Return where they may be, in order.

    Args:
        package: The installed package: a wheel carries the templates inside it, an editable
            install has them beside it.
    """
    return package / "templates", package.parent / "templates"
