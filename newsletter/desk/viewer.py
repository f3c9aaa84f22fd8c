"""A page to look through the letters of a rehearsal: one local file, which loads nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import jinja2
from markupsafe import Markup

from newsletter import personalize, pictures, tokens
from newsletter.atomic_write import advise
from newsletter.errors import NewsletterError
from newsletter.model import Letter
from newsletter.providers.outbox.send import INDEX
from newsletter.store import mailings, rehearsals
from newsletter.store.keys import signing_keys

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.model import Issue, Mailing
    from newsletter.store import Store
    from newsletter.store.rehearsals import RehearsedLetter

_SCRIPT: Final = "viewer.js"
_PAGE: Final = "viewer.html.j2"


def write_index(
    store: Store, settings: Settings, mailing: Mailing, issue: Issue | None = None
) -> Path:
    """Write the page beside the letters of a rehearsal; only the owner may read the file.

    It holds copies of the pictures of image files: those of a rehearsal need not be stored.

    In the browser it fills the frozen letter with the values of each subscriber, as in the `.eml`
    files, so the file stays small for a list of any size.

    Raises:
        NewsletterError: It cannot be written.
    """
    with store.read() as connection:
        letter = Letter.decode(mailings.letter_of(connection, mailing.id))
        rehearsed = list(rehearsals.letters(connection, mailing.id))
    people = [*_people(letter, mailing, rehearsed, signing_keys(settings)[0])]
    if issue:
        letter = _with_copies(letter, issue, settings)
    page = _page(settings, mailing, letter, people)
    path = settings.state / "outbox" / mailing.slug / INDEX
    part = path.with_name(f".{INDEX}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.touch(mode=0o600)
        part.write_text(page, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise NewsletterError(
            f"the page of the letters cannot be written: {error.strerror}",
            where=str(path),
            hint=advise(error),
        ) from None
    return path


def _with_copies(letter: Letter, issue: Issue, settings: Settings) -> Letter:
    html = letter.html
    for name, body in pictures.copy_pictures(issue, settings).items():
        copy = f"data:{pictures.media_type(name)};base64,{base64.b64encode(body).decode()}"
        html = html.replace(f"{pictures.stored_at(settings)}{name}", copy)
    return replace(letter, html=html)


def _people(
    letter: Letter, mailing: Mailing, rehearsed: Iterable[RehearsedLetter], key: str
) -> Iterable[dict[str, Any]]:
    """Yield the personal values of each letter, as `delivery` filled them in."""
    for one in rehearsed:
        whose = (one.public_id, mailing.public_id)
        nobody = (tokens.RESERVED_ID, tokens.RESERVED_ID)
        token = tokens.unsubscribe_token(key, *(nobody if mailing.for_nobody else whose))
        own = personalize.recipient(letter, one.ref, one.email, one.first_name, token)
        yield {
            "ref": one.ref,
            "name": one.first_name or "",
            "email": one.email,
            "greeting": own.greeting,
            "unsubscribe_url": own.unsubscribe_url,
            "plain": one.plain_text,
        }


def _page(
    settings: Settings, mailing: Mailing, letter: Letter, people: list[dict[str, Any]]
) -> str:
    folder = resources.files("newsletter.desk")
    script = (folder / _SCRIPT).read_text(encoding="utf-8")
    cut = personalize.letter_template(letter)
    data = json.dumps({"html": cut.html, "text": cut.text, "people": people}, ensure_ascii=False)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    count = len(people)
    return environment.from_string((folder / _PAGE).read_text(encoding="utf-8")).render(
        slug=mailing.slug,
        subject=letter.subject,
        sender=letter.sender or settings.name,
        count=f"{count:,} letter{'s' * (count != 1)}",
        written=f"{datetime.now(settings.zone):%Y-%m-%d %H:%M}",
        for_nobody=mailing.for_nobody,
        people=people,
        # Safe between script tags: in JSON, "<" occurs only within strings.
        data=Markup(data.replace("<", "\\u003c")),  # noqa: S704 - escaped just here
        script=Markup(script),  # noqa: S704 - a file of this package
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
