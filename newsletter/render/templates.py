"""Where templates are found and how they are run: sandboxed, escaped, strict.

A template is looked for file by file: first in the root's `templates/`, so that an author changes
only what they want to change, then among the templates that come with the program.
"""

from __future__ import annotations

import contextlib
import functools
import traceback
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from newsletter.errors import NewsletterError
from newsletter.package_data import template_folders
from newsletter.render.dates import write_date
from newsletter.render.folders import Folders
from newsletter.render.inline import inline, prose
from newsletter.render.text_wrap import underline, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

    from jinja2 import Template


def folders(root: Path) -> tuple[Path, ...]:
    """Return where templates are looked for, in order: the author's folder comes first."""
    return root / "templates", *template_folders()


def run(root: Path, name: str, values: Mapping[str, object]) -> str:
    """Run a template.

    Raises:
        NewsletterError: It is missing, or its code is wrong; names template and line.
    """
    environment = _environment(folders(root))
    try:
        return environment.get_template(name).render(values)
    except TemplateNotFound as error:
        raise NewsletterError(
            f"there is no template {error.name}", where=name, hint="Look in templates/"
        ) from None
    except TemplateSyntaxError as error:
        raise _broken(error.name or name, error.lineno, error) from None
    except UnicodeDecodeError as error:
        raise NewsletterError(
            f"a template is not UTF-8: {error.reason}", where=name, hint="Save it as UTF-8"
        ) from None
    except NewsletterError:
        raise
    except Exception as error:  # noqa: BLE001 - a template's code may raise anything
        raise _broken(*_place(error, name), error) from None


_used: ContextVar[dict[str, str] | None] = ContextVar("_used", default=None)


@contextlib.contextmanager
def recording() -> Iterator[Mapping[str, str]]:
    """Record which templates run inside: the hash of each, by its name."""
    used: dict[str, str] = {}
    token = _used.set(used)
    try:
        yield used
    finally:
        _used.reset(token)


class _Environment(ImmutableSandboxedEnvironment):
    """Records which templates are used, also those that another one includes or imports."""

    def __init__(self, places: tuple[Path, ...]) -> None:
        self._folders = Folders(places)
        super().__init__(
            loader=self._folders,
            autoescape=_is_markup,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def _load_template(self, name: str, globals: MutableMapping[str, Any] | None) -> Template:  # noqa: A002 - Jinja2's
        """Load a template: every way to one leads through here."""
        template = super()._load_template(name, globals)
        used = _used.get()
        if used is not None:
            used[name] = self._folders.hashes[name]
        return template


# Compiling the templates of a letter takes ten times as long as running them.
@functools.lru_cache(maxsize=8)
def _environment(places: tuple[Path, ...]) -> ImmutableSandboxedEnvironment:
    environment = _Environment(places)
    environment.filters |= {
        "date": write_date,
        "inline": inline,
        "prose": prose,
        "underline": underline,
        "wrap": wrap,
    }
    return environment


def _is_markup(name: str | None) -> bool:
    """Everything is escaped but the plain-text part, where the entities would be seen."""
    return not (name and name.endswith(".txt.j2"))


def _place(error: Exception, name: str) -> tuple[str, int]:
    """Find the template and line an error came from: Jinja2 puts them in the traceback."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith(".j2")]
    if not frames:
        return name, 1
    place = Path(frames[-1].filename).as_posix().rpartition("/templates/")[2]
    return place, frames[-1].lineno or 1


def _broken(name: str, line: int, error: Exception) -> NewsletterError:
    return NewsletterError(
        str(error),
        where=f"templates/{name}:{line}",
        hint="docs/templates.md lists what a template may use",
    )
