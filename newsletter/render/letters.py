"""Letters, notices and pages, made of templates and what they may know."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import astuple, dataclass, replace
from email.headerregistry import Address
from email.utils import parseaddr, quote
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from newsletter import placeholders
from newsletter.archive_links import issue_address
from newsletter.config import NO_DOMAIN
from newsletter.errors import NewsletterError
from newsletter.model import Letter, NoticeKind
from newsletter.model.mailings import MOST_NAMED
from newsletter.pictures import list_pictures, stored_at
from newsletter.render import mjml, templates
from newsletter.render.letter_hash import add_hash
from newsletter.render.palette import palette
from newsletter.render.pictures import place_images, show_logo, show_portrait

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Issue
    from newsletter.render.pictures import ShownPicture


_ISSUE: Final = "issue.mjml.j2"
_ERRATUM: Final = "erratum.subject.txt.j2"
_CONSENT: Final = "consent.txt.j2"
_DATA_FILENAME: Final = "pages/own-data.filename.txt.j2"


@dataclass(frozen=True, slots=True)
class Newsletter:
    """What a template may know of the newsletter: nothing secret, nothing of the machine.

    Attributes:
        name: As the settings have it.
        description: What the letter is, for who does not know it yet; empty when none is set.
        language: A language tag such as "nl".
        sender_name: Who writes; the newsletter's name when the sender has none.
        contact: The lines of how to reach the sender.
        can_reply: Whether an answer to the letter reaches a person.
        signature: The lines below the letter.
        reflection_label: What stands above a reflection; empty when nothing does.
        site_url: The author's site, empty when none is set.
        site_label: Its name for reading: "example.org".
        browser_url: Where this issue stands on the web; empty on a page that is no issue's.
        answer_url: Where the number of an answer follows; the same.
        logo: The picture of the masthead of an issue; None where none is set, and elsewhere.
        portrait: The picture beside its signature; the same.
    """

    name: str
    description: str
    language: str
    sender_name: str
    contact: tuple[str, ...]
    can_reply: bool
    signature: tuple[str, ...]
    reflection_label: str
    site_url: str
    site_label: str
    browser_url: str
    answer_url: str
    logo: ShownPicture | None = None
    portrait: ShownPicture | None = None


def letter(issue: Issue, settings: Settings) -> Letter:
    """Render an issue: the same input gives the same bytes.

    Its pictures are where they will be stored; `pictures.show_copies` shows them before that.

    Raises:
        NewsletterError: A template is wrong, a picture of the settings cannot be used, or the
            letter came out larger than clients show.
    """
    with templates.recording() as used:
        made = _render(issue, settings)
    return add_hash(made, issue, settings, used)


def _render(issue: Issue, settings: Settings) -> Letter:
    _refuse_marks(issue, settings)
    known = values(issue, settings)
    html = mjml.compile(templates.run(settings.root, _ISSUE, known))
    text = _tidy(templates.run(settings.root, "issue.txt.j2", known))
    for_all = {"greeting": "", "unsubscribe_url": ""}
    page = templates.run(settings.root, _ISSUE, known | {"slots": for_all})
    _refuse_lost_slots(_ISSUE, html)
    _refuse_lost_slots("issue.txt.j2", text)
    return Letter(
        subject=issue.subject,
        sender=_sender(settings),
        reply_to=settings.reply_to,
        list_id=_list_id(settings),
        html=html,
        text=text,
        page=_alone(mjml.compile(page)),
        greeting=settings.greeting,
        greeting_without_name=settings.greeting_without_name,
        unsubscribe_url=_unsubscribe_url(settings),
        pictures=tuple(one.name for one in list_pictures(issue, settings)),
    )


def erratum_subject(issue: Issue, settings: Settings) -> str:
    """Return the subject of the mailing of a correction, `templates/erratum.subject.txt.j2`.

    Raises:
        NewsletterError: The template is missing or wrong.
    """
    return " ".join(templates.run(settings.root, _ERRATUM, {"issue": issue}).split())


NOTICES: Final = tuple(kind for kind in NoticeKind if kind is not NoticeKind.ISSUE)
"""The kinds of notices that have templates: an issue is sent as it was frozen."""

_LIST_MAIL: Final = frozenset({NoticeKind.WELCOME, NoticeKind.MISSED})
"""The kinds that nobody asked for by themselves: they greet by name, and lead to unsubscribing."""


def notice(
    settings: Settings,
    kind: NoticeKind,
    *,
    linked: bool,
    issues: Sequence[tuple[str, str]] = (),
) -> Letter:
    """Render a notice, from the three templates of its kind in `templates/notices/`.

    Args:
        settings: The newsletter's.
        kind: Which.
        issues: Slug and subject of the issues that it names; of more than twelve it names the
            first twelve, and the archive.
        linked: Whether it must hold the placeholder `link`; it holds no other value of its
            recipient.

    Raises:
        NewsletterError: A template is missing or wrong.
    """
    is_list_mail = kind in _LIST_MAIL
    named = [
        {"title": subject, "url": issue_address(settings.public_url, slug)}
        for slug, subject in issues[:MOST_NAMED]
    ]
    known: dict[str, object] = {
        "newsletter": _newsletter(settings),
        "palette": palette(settings.accent_color),
        "greeting": placeholders.GREETING if is_list_mail else settings.greeting_without_name,
        "slots": {
            "link": placeholders.mark("link"),
            "unsubscribe_url": placeholders.UNSUBSCRIBE_URL,
        },
        "issues": named,
        "archive_url": issue_address(settings.public_url, "") if len(issues) > len(named) else "",
    }
    subject = " ".join(
        templates.run(settings.root, f"notices/{kind}.subject.txt.j2", known).split()
    )
    known |= {"subject": subject}
    marked, plain = f"notices/{kind}.mjml.j2", f"notices/{kind}.txt.j2"
    html = mjml.compile(templates.run(settings.root, marked, known), marked)
    text = _tidy(templates.run(settings.root, plain, known))
    for name, part in ((marked, html), (plain, text)) if linked else ():
        _refuse_lost_link(name, part)
    for name, part in ((marked, html), (plain, text)) if is_list_mail else ():
        _refuse_lost_slots(name, part)
    return Letter(
        subject=subject,
        sender=_sender(settings),
        reply_to=settings.reply_to,
        list_id=_list_id(settings) if is_list_mail else "",
        html=html,
        text=text,
        page="",
        greeting=settings.greeting if is_list_mail else "",
        greeting_without_name=settings.greeting_without_name if is_list_mail else "",
        unsubscribe_url=_unsubscribe_url(settings) if is_list_mail else "",
    )


def _unsubscribe_url(settings: Settings) -> str:
    return f"{settings.public_url.rstrip('/')}/u/"


def values(issue: Issue, settings: Settings) -> dict[str, object]:
    """Return all that a template may use, by name; docs/templates.md explains each."""
    media = stored_at(settings)
    shown = _newsletter(settings, issue)
    return {
        "issue": place_images(issue, media),
        "newsletter": replace(
            shown,
            logo=show_logo(settings, media),
            portrait=show_portrait(settings, media, shown.sender_name),
        ),
        "palette": palette(settings.accent_color),
        "slots": placeholders.MARKS,
    }


def wording(settings: Settings) -> str:
    """Return what a person agrees to who signs up, on one line: `templates/consent.txt.j2`.

    Raises:
        NewsletterError: The template is missing, wrong or empty.
    """
    known = {"newsletter": _newsletter(settings)}
    text = " ".join(templates.run(settings.root, _CONSENT, known).split())
    if not text:
        raise NewsletterError(
            f"{_CONSENT} is empty, and nobody can agree to nothing",
            hint="Write what a person gets who signs up",
        )
    return text


def data_filename(settings: Settings) -> str:
    """Return the name of the file with a subscriber's own data, from `templates/pages/`.

    Raises:
        NewsletterError: The template is missing or wrong, or makes no name for a header.
    """
    known = {"newsletter": _newsletter(settings)}
    name = templates.run(settings.root, _DATA_FILENAME, known).strip()
    if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
        raise NewsletterError(
            f"{_DATA_FILENAME} is no simple file name",
            hint="Use letters without accents, digits, points and hyphens",
        )
    return name


def form(settings: Settings) -> str:
    """Render the sign-up form for an author's own site, `templates/form.html.j2`.

    Raises:
        NewsletterError: A template is missing or wrong.
    """
    known = {
        "newsletter": _newsletter(settings),
        "address": f"{settings.public_url.rstrip('/')}/subscribe",
        "wording": wording(settings),
    }
    return templates.run(settings.root, "form.html.j2", known)


def page(settings: Settings, name: str, **values: object) -> str:
    """Render a page of the web app, `templates/pages/NAME.html.j2`; it holds no visitor's values.

    Raises:
        NewsletterError: The template is missing or wrong.
    """
    known = {"newsletter": _newsletter(settings), "palette": palette(settings.accent_color)}
    return templates.run(settings.root, f"pages/{name}.html.j2", known | values)


def archive_values(settings: Settings) -> dict[str, object]:
    """Return what every template in `templates/archive/` may use, by name."""
    return {
        "newsletter": _newsletter(settings),
        "palette": palette(settings.accent_color),
        "wording": wording(settings),
        "answers_url": f"{settings.public_url.rstrip('/')}/a/",
    }


def archive_page(settings: Settings, name: str, known: Mapping[str, object]) -> str:
    """Render a page of the archive, `templates/archive/NAME.html.j2`.

    Raises:
        NewsletterError: The template is missing or wrong.
    """
    return templates.run(settings.root, f"archive/{name}.html.j2", known)


def _newsletter(settings: Settings, issue: Issue | None = None) -> Newsletter:
    public_url = settings.public_url.rstrip("/")
    return Newsletter(
        name=settings.name,
        description=" ".join(settings.description.split()),
        language=settings.language,
        sender_name=parseaddr(settings.sender)[0] or settings.name,
        contact=_lines(settings.contact),
        can_reply=bool(settings.reply_to or settings.sender),
        signature=_lines(settings.signature),
        reflection_label=settings.reflection_label.strip(),
        site_url=settings.site_url,
        site_label=(urlsplit(settings.site_url).hostname or "").removeprefix("www."),
        browser_url=f"{public_url}/issues/{issue.slug}" if issue else "",
        answer_url=f"{public_url}/a/{issue.slug}/" if issue else "",
    )


def _sender(settings: Settings) -> str:
    return settings.sender or str(Address(settings.name, addr_spec=f"newsletter@{NO_DOMAIN}"))


def _alone(html: str) -> str:
    """Make a letter a page of its own: inside a mail program it is an article of that program's."""
    html = html.replace(' aria-roledescription="email"', "", 1)
    return html.replace(' role="article"', ' role="main"', 1)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, text.splitlines())))


def _list_id(settings: Settings) -> str:
    """Return the List-Id (RFC 2919): the name, and a name of dots that stays the same."""
    ascii_name = unicodedata.normalize("NFKD", settings.name).encode("ascii", "ignore").decode()
    label = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")[:60].strip("-")
    special = re.search(r'[()<>@,:;.\[\]\\"]', settings.name)
    phrase = f'"{quote(settings.name)}"' if special else settings.name
    return f"{phrase} <{label or 'newsletter'}.{settings.domain}>"


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _refuse_marks(issue: Issue, settings: Settings) -> None:
    """Keep the slots' own characters out of all that is rendered, wherever it came from."""
    if any(map(placeholders.remain, _strings((astuple(issue), astuple(settings))))):
        raise NewsletterError(
            "a private-use character (U+E000 to U+F8FF and beyond) cannot stand in a letter",
            where=issue.path,
            hint="Look in the issue and the settings for a character that shows as a box",
        )


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 - whatever a dataclass holds
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _strings(part)


def _refuse_lost_slots(name: str, part: str) -> None:
    pieces = placeholders.split(part)
    if "unsubscribe_url" not in pieces[1::2]:
        raise NewsletterError(
            "the letter has no unsubscribe link",
            where=name,
            hint="Every letter needs one: write {{ slots.unsubscribe_url }} in the template",
        )
    if any(map(placeholders.remain, pieces[::2])):
        raise NewsletterError(
            "a slot came out damaged",
            where=name,
            hint="Write {{ slots.greeting }} and {{ slots.unsubscribe_url }} without a filter",
        )


def _refuse_lost_link(name: str, part: str) -> None:
    if "link" not in placeholders.split(part)[1::2]:
        raise NewsletterError(
            "the notice has no link",
            where=name,
            hint="It is there to be clicked: write {{ slots.link }} in the template",
        )
