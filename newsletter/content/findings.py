"""What reading an issue file may find, and where the findings are gathered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter.model import Finding, RuleSummary, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

_ERRORS: Final = {
    "file-name": "The file name is not YYYY-MM-DD-name.md.",
    "file-too-large": "The file is larger than 256 KB.",
    "not-utf8": "The file is not UTF-8 text.",
    "not-text": "The file is that of another program: a Word file, a PDF, a web page.",
    "forbidden-character": "An invisible or lost character that may not reach a subscriber.",
    "front-matter-missing": "The file does not begin with its front matter.",
    "front-matter-unclosed": "The front matter has no closing line of three dashes.",
    "front-matter-line": "A line of the front matter is not `key: value`.",
    "unknown-key": "A key that does not exist.",
    "doubled-key": "A key that stands there twice.",
    "subject-missing": "There is no subject.",
    "subject-too-long": "The subject is too long: a warning from 71 characters, an error from 201.",
    "preheader-too-long": "The preheader is longer than 250 characters.",
    "article-address": "`article` is not the address of a web page.",
    "theme-invalid": "A theme is too long, or has no letter.",
    "audience-invalid": "`audience` is not `monthly`.",
    "allow-invalid": "`allow` is not `rule-id (reason)`, or names an error.",
    "gap": "Something is missing between double square brackets, or they have no pair.",
    "draft-invalid": "`draft` is neither yes nor no.",
    "send-at-invalid": "`send_at` is not a date and time.",
    "send-at-in-gap": "The clock skips this moment: summer time begins.",
    "empty-body": "There is no text below the front matter.",
    "empty-block": "A quote, heading, reflection or list item without words.",
    "raw-html": "HTML, or an HTML comment.",
    "code-block": "Indented or fenced lines, which Markdown takes for program code.",
    "nested-too-deep": "Emphasis within emphasis, beyond any use.",
    "quote-content": "A quote holds something else than paragraphs.",
    "list-content": "A list item holds something else than paragraphs and one list below them.",
    "list-too-deep": "A list has more than two levels below it.",
    "link-address": "A link does not lead to an https, http or mailto address.",
    "link-label": "A link has no words to click on.",
    "ask-answers": "A question to subscribers has not two to four answers, or one of them twice.",
    "ask-answer": "An answer to click on is empty, too long, or more than words.",
    "ask-twice": "A second question to subscribers.",
    "footnote": "A footnote, which a letter has not.",
    "image-address": "An image is neither a file nor at an https address.",
    "image-own-address": "An image is at the address of a copy that the web app may delete.",
    "image-missing": "The file of an image is not there.",
    "image-outside": "The file of an image is outside the newsletter's folder.",
    "image-unreadable": "The file of an image is no JPEG, PNG, GIF or WebP, or is damaged.",
    "image-large": "The file of an image has more than 40 MB or 40 megapixels.",
    "image-width": "What stands in braces behind an image is not a width in pixels.",
    "image-alt": "An image has no text that can stand for it.",
    "image-in-text": "An image does not stand in a paragraph of its own.",
}
_WARNINGS: Final = {
    "garbled-text": "Letters that were read in a wrong encoding, such as Ã© for é.",
    "send-at-far-from-name": "`send_at` is weeks away from the date of the file name.",
    "date-far-ahead": "The issue goes out more than a year from now.",
    "yaml-value": "A value that only YAML would understand.",
    "header-marks": "Markdown, HTML or an entity in subject or preheader.",
    "subject-repeated": "The first heading repeats the subject.",
    "invisible-character": "An invisible character in subject or preheader.",
    "merge-tag": "A field of another mailing program, which is never filled in.",
    "link-insecure": "A link leads to an http address.",
    "broken-link": "Brackets that look like a link but are none.",
    "private-address": "A link or image that only the author can open.",
    "bare-address": "An address in the text that is no link.",
    "unshown-title": "The title of a link, which is not shown.",
    "table": "A table, which a letter has not.",
    "task-list": "A box to tick, which a letter has not.",
    "almost-heading": "A line that looks like a heading and is none.",
    "almost-list": "Lines that look like a list and are none.",
    "almost-divider": "A line that looks like a divider and is none.",
    "odd-space": "An unusual or invisible space beside a mark, which has no effect.",
    "unused-emphasis": "Stars, underscores or backticks without effect.",
    "accidental-emphasis": "Stars that emphasise what was not meant.",
    "foreign-mark": "A mark of another dialect of Markdown, without effect.",
    "wrong-entity": "An HTML entity that is written wrong.",
    "lazy-line": "A line that belongs to the list or quote above it.",
    "lines-joined": "Verses, or a bold line, that become one paragraph with the next.",
    "text-became-list": "A dash within a sentence that began a list.",
    "numbering": "Numbers of a list that are not shown as written.",
    "long-word": "A word or address so long that it widens the letter.",
    "unused-link": "A line `[name]: address` that is never shown.",
    "image-format": "A picture that many mail programs do not show.",
    "image-not-wider": "The width of an image is larger than the picture, or than the letter.",
    "image-animated": "An animation of which only the first frame is sent.",
}
_HINTS: Final = {
    "byte-order-mark": "The file begins with an invisible byte order mark.",
    "mixed-line-ends": "Some lines of the file end as on Windows, others do not.",
}
READING_RULES: Final[Mapping[str, RuleSummary]] = {
    **{rule: RuleSummary(Severity.ERROR, text) for rule, text in _ERRORS.items()},
    **{rule: RuleSummary(Severity.WARNING, text) for rule, text in _WARNINGS.items()},
    **{rule: RuleSummary(Severity.HINT, text) for rule, text in _HINTS.items()},
}
"""Every rule of reading, with one line that says what it finds."""

_SHOWN = 60


class FindingCollector:
    """Gathers the findings of one file, each once.

    Args:
        path: What findings call the file.
        own_url: Where the newsletter's own pages are; empty if that is of no matter.
    """

    def __init__(self, path: str, own_url: str = "") -> None:
        self._path = path
        self._own_url = own_url.rstrip("/")
        self._found: dict[tuple[int, str, str], Finding] = {}

    def is_own(self, url: str) -> bool:
        """Tell whether an address is that of one of the newsletter's own pages."""
        return bool(self._own_url) and f"{url}/".startswith(f"{self._own_url}/")

    def error(self, line: int, rule: str, message: str, fix: str) -> None:
        """Note what keeps the issue from being sent; `line` counts from 1."""
        self.note(line, rule, Severity.ERROR, message, fix)

    def warning(self, line: int, rule: str, message: str, fix: str) -> None:
        """Note what the author should look at; `line` counts from 1."""
        self.note(line, rule, Severity.WARNING, message, fix)

    def hint(self, line: int, rule: str, message: str, fix: str) -> None:
        """Note what the author may look at; `line` counts from 1."""
        self.note(line, rule, Severity.HINT, message, fix)

    def note(self, line: int, rule: str, severity: Severity, message: str, fix: str) -> None:
        """Note a finding of any severity; `line` counts from 1."""
        if rule not in READING_RULES:
            raise KeyError(rule)
        finding = Finding(self._path, line, rule, severity, message, fix)
        self._found.setdefault((line, rule, message), finding)

    @property
    def found(self) -> tuple[Finding, ...]:
        """All findings, by line."""
        return tuple(sorted(self._found.values()))

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(f.severity is Severity.ERROR for f in self._found.values())


def quote_text(text: str) -> str:
    """Return a piece of the author's text as a one-line message can quote it."""
    short = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    return printable(short)


def printable(text: str) -> str:
    """Return a text on one line, with what a terminal would not show as escapes."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
