"""Templates from folders, and from nowhere else: no link leads a template out of its folder.

Whoever may write to an author's repository can put a link in it. Without this it could lead to the
environment of the process (`/proc/self/environ`), and the keys in it into a letter.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import FileSystemLoader

from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jinja2 import Environment


class Folders(FileSystemLoader):
    """Loads a template from the first of some folders that has it: the author's, then ours.

    Attributes:
        hashes: SHA-256 (hex) of the text of each template, as it was loaded last, by its name. Line
            ends do not count.
    """

    def __init__(self, places: Sequence[Path]) -> None:
        super().__init__(places)
        self.hashes: dict[str, str] = {}

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        """Return a template's text, where it is, and how to tell whether it changed.

        Raises:
            NewsletterError: The author's is a link that leads out of their folder, or no file.
            TemplateNotFound: No folder has it.
        """
        # Ours may be links: some installers make every file one.
        _refuse_elsewhere(Path(self.searchpath[0]), template)
        text, path, is_unchanged = super().get_source(environment, template)
        self.hashes[template] = hashlib.sha256(text.encode()).hexdigest()
        found = self._first(template)

        def is_current() -> bool:
            """Tell whether the same file is still the first, and unchanged: one may be added."""
            return self._first(template) == found and is_unchanged()

        return text, path, is_current

    def _first(self, template: str) -> Path | None:
        """Return where the first file of a name is, behind all links."""
        places = (Path(folder, template) for folder in self.searchpath)
        return next((place.resolve() for place in places if place.exists()), None)


def _refuse_elsewhere(folder: Path, template: str) -> None:
    place = folder.joinpath(*template.split("/"))
    if not place.exists():
        return
    home, found, where = folder.resolve(), place.resolve(), f"{folder.name}/{template}"
    # A folder that is a link itself may lead to templates that are shared, and to nothing that
    # holds the newsletter and its keys.
    if folder.is_symlink() and folder.parent.resolve().is_relative_to(home):
        raise NewsletterError(
            f"{folder.name} is a link to a folder that holds the newsletter itself",
            hint="Make it a folder with templates and nothing else",
        )
    if not found.is_relative_to(home):
        raise NewsletterError(
            f"{where} is a link that leads out of the folder of templates, and is not followed",
            hint="Put a copy of the file in its place",
        )
    if not found.is_file():
        raise NewsletterError(
            f"{where} is not a file", hint="Put a template in its place, or delete it"
        )
