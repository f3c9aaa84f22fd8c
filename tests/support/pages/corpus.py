"""Pages and posts of eight systems, each with the real structure of that system."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

import jinja2

from tests.support.pages.sources import SITE, Block, Source, inline, read_source

NAMES = (
    "nee-zeggen",
    "de-lege-ochtend",
    "wat-je-schouders-weten",
    "vergeven-is-geen-vergeten",
    "ruzie-in-de-auto",
)
SYSTEMS = (
    "wordpress-classic",
    "wordpress-blocks",
    "wordpress-elementor",
    "squarespace",
    "ghost",
    "substack",
    "hugo",
    "jekyll",
)
OTHER_SYSTEMS = ("blogger", "medium", "wix", "drupal", "handmade")
"""Systems that the walker of pages was measured on before a rule knew of them."""

EXCERPTS = {"ghost", "substack", "hugo"}
"""Systems with a field of its own for the lead, so that the text does not repeat it."""

PATHS = {
    "wordpress-classic": "/{year}/{month}/{name}/",
    "wordpress-blocks": "/{name}/",
    "wordpress-elementor": "/blog/{name}/",
    "squarespace": "/blog/{name}",
    "ghost": "/{name}/",
    "substack": "/p/{name}",
    "hugo": "/posts/{name}/",
    "jekyll": "/{year}/{month}/{day}/{name}.html",
    "blogger": "/{year}/{month}/{name}.html",
    "medium": "/@marijke/{name}",
    "wix": "/post/{name}",
    "drupal": "/artikel/{name}",
    "handmade": "/{name}.htm",
}

_MONTHS = [
    "januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september",
    "oktober", "november", "december",
]  # fmt: skip

_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("systems")),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["inline"] = lambda text: jinja2.filters.Markup(inline(text))


@dataclass(frozen=True)
class Page:
    """One page of the corpus."""

    system: str
    name: str
    url: str
    markup: str
    source: Source
    """The article, with the blocks that stand in the page's text."""

    @property
    def id(self) -> str:
        return f"{self.system}-{self.name}"


def make_page(system: str, name: str) -> Page:
    """Dress one article up as a page of one system."""
    source = _fit(read_source(name), system)
    url = address(system, source)
    day = dt.date.fromisoformat(source.date)
    markup = _environment.get_template(f"{system}.html.j2").render(
        source=source,
        blocks=source.blocks,
        url=url,
        site=SITE,
        variant=NAMES.index(name),
        related=source.related,
        day=f"{day.day} {_MONTHS[day.month - 1]} {day.year}",
    )
    return Page(system, name, url, markup, source)


def address(system: str, source: Source) -> str:
    """Where the page of an article stands on a site of this system."""
    year, month, day = source.date.split("-")
    path = PATHS[system].format(name=source.name, year=year, month=month, day=day)
    return SITE + path


def _fit(source: Source, system: str) -> Source:
    blocks = source.blocks
    if source.lead and system in EXCERPTS and blocks[0] == Block("paragraph", source.lead):
        blocks = blocks[1:]
    return replace(source, blocks=blocks)


def make_pages(systems: tuple[str, ...] = SYSTEMS) -> list[Page]:
    """Make every page of some systems."""
    return [make_page(system, name) for system in systems for name in NAMES]
