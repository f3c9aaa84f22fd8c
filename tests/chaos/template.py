"""A newsletter with subscribers that is ready to be sent, and its copies: one for each trial."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from typing import TYPE_CHECKING, Final

from newsletter import config
from newsletter.store import database as database_store
from newsletter.store.url import locate
from tests.chaos.clock import Clock
from tests.chaos.observer import Observer
from tests.support.newsletter import add_subscribers, write_issue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.store import Store
    from tests.support.postgres import Postgres

SUBSCRIBERS: Final = 30
KEY: Final = "a key that is only for these tests"
# An author may have their own. These render fast: each sender renders the letter again.
_TEMPLATES: Final = {
    "issue.mjml.j2": (
        '<mjml lang="nl" dir="ltr"><mj-body><mj-section><mj-column><mj-text>{{ slots.greeting }}'
        "{% for block in issue.blocks %} {{ block.body.text }}{% endfor %}"
        ' <a href="{{ slots.unsubscribe_url }}">Afmelden</a>'
        "</mj-text></mj-column></mj-section></mj-body></mjml>"
    ),
    "issue.txt.j2": (
        "{{ slots.greeting }}{% for block in issue.blocks %}\n\n{{ block.body.text }}{% endfor %}"
        "\n\nAfmelden: {{ slots.unsubscribe_url }}\n"
    ),
}
_SETTINGS: Final = """\
name = "Proefbrief"
sender = "Gerrit <gerrit@example.org>"
contact = "Postbus 1, Amsterdam"
"""


class Template:
    """A newsletter that is ready to be sent, on one of the two databases.

    Args:
        folder: For the template and its copies.
        server: A PostgreSQL; without one, the database is a file in the newsletter's folder.
    """

    def __init__(self, folder: Path, server: Postgres | None) -> None:
        self.server = server
        self._folder = folder / ("postgresql" if server else "sqlite")
        self._template = self._folder / "template"
        (self._template / "issues").mkdir(parents=True)
        (self._template / "templates").mkdir()
        for name, content in _TEMPLATES.items():
            (self._template / "templates" / name).write_text(content, encoding="utf-8")
        settings = self._template / "newsletter.toml"
        settings.write_text(_SETTINGS, encoding="utf-8")
        self._numbers = itertools.count()
        self.slug = write_issue(self._template)
        self._database = server.database() if server else ""
        self._fill(settings)

    def _fill(self, settings: Path) -> None:
        loaded = config.load(self._template, self.where(self._database))
        place = locate(loaded)
        if self.server:
            store = database_store.connect(place)
            database_store.upgrade(store, place)
        else:
            store = database_store.open_store(loaded)
        add_subscribers(store, SUBSCRIBERS)
        with store.read() as connection:
            ledger = connection.exec_driver_sql("SELECT id FROM ledger").scalar()
        store.close()
        settings.write_text(f'{_SETTINGS}ledger = "{ledger}"\n', encoding="utf-8")

    def where(self, database: str) -> dict[str, str]:
        """Return what the environment says of a database."""
        return {"NEWSLETTER_DATABASE_URL": self.server.url(database)} if self.server else {}

    @contextlib.contextmanager
    def copy(self) -> Iterator[Copy]:
        """Give a trial a newsletter of its own."""
        root = self._folder / f"trial{next(self._numbers)}"
        shutil.copytree(self._template, root)
        database = self.server.database(self._database) if self.server else ""
        copy = Copy(self, root, database)
        try:
            yield copy
        finally:
            copy.close()
            shutil.rmtree(root)
            if self.server:
                self.server.drop(database)


class Copy:
    """A newsletter of one trial."""

    def __init__(self, template: Template, root: Path, database: str) -> None:
        self.root, self.slug = root, template.slug
        self.server, self.database = template.server, database

        self._where = template.where(database)
        self.clock = Clock(root / "clock")
        place = root / ".newsletter" / "newsletter.db"
        self.observer = Observer(self._where.get("NEWSLETTER_DATABASE_URL", place))
        self.environment = {
            **self._where,
            "NEWSLETTER_SECRET_KEY": KEY,
            "NEWSLETTER_PUBLIC_URL": "http://127.0.0.1:9",
        }

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        """Open the database as another process does."""
        store = database_store.open_store(config.load(self.root, self._where), self.clock)
        try:
            yield store
        finally:
            store.close()

    def close(self) -> None:
        self.clock.close()
        self.observer.close()
