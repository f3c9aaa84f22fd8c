"""Where the files are that come with the program."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def template_folders(package: Path = _PACKAGE) -> tuple[Path, Path]:
    """Return where the templates may be, in order.

    Args:
        package: The installed package: a wheel carries the templates inside it, an editable
            install has them beside it.
    """
    return package / "templates", package.parent / "templates"


def requirements_file(package: Path = _PACKAGE) -> Path:
    """Return the file with every dependency and its hashes; where it is, see `template_folders`."""
    inside = package / "requirements.txt"
    return inside if inside.exists() else package.parent / "requirements.txt"


def dictionary_folder(package: Path = _PACKAGE) -> Path:
    """Return the folder with a folder of each language's dictionary."""
    return package / "dictionaries"
