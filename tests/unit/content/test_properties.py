"""What holds of any file whatever: no crash, sound lines, the same twice, nothing lost."""

from __future__ import annotations

import html
import re
from dataclasses import fields, is_dataclass
from datetime import time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter import content
from newsletter.checks import check
from newsletter.content.decoding import FORBIDDEN
from newsletter.content.findings import READING_RULES
from newsletter.model import RichText, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Draft

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
HEADER = "---\nsubject: Rust\n---\n"
PIECES = [
    *"*_`[]()<>!#-+.:&\\\"'→?💡•",
    *(" ", "  ", "\n", "\n\n", "\n    ", "\t", "\r\n", "---", "===", "1. ", "- ", "  - ", "> "),
    *("](https://example.org)", "](x)", "![", "<b>", "<!--", "-->", "&#57344;", "&nbsp;", "```"),
    *("https://example.org/", "mailto:a@example.org", "[r]: x\n", "? → ", "\ue000", "\u2028"),
]
markdown = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=60).map("".join)
front_matter = st.lists(
    st.sampled_from(
        ["---", "subject: a", "draft: no", "send_at: 2026-11-29 07:00", "", "x", "a: b"]
    )
    | st.text(max_size=10),
    max_size=8,
).map("\n".join)
relaxed = settings(deadline=None, max_examples=300)


def read(raw: bytes, name: str = "2026-11-29-rust.md") -> Draft:
    return content.read(raw, name=name, path="x.md", zone=AMSTERDAM, send_clock=time(7))


def assert_sound(draft: Draft, raw: bytes) -> None:
    lines = max(1, len(re.split(rb"\r\n|\r|\n", raw)))
    findings = check(draft)
    for finding in findings:
        assert 1 <= finding.line <= lines
        assert finding.message
        assert finding.fix
        assert (finding.message + finding.fix).isprintable()
    errors = [finding for finding in draft.findings if finding.severity is Severity.ERROR]
    assert (draft.issue is None) == bool(errors)
    assert all(finding.rule in READING_RULES for finding in draft.findings)
    assert list(findings) == sorted(findings)


@relaxed
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_reported(raw: bytes) -> None:
    assert_sound(read(raw), raw)


@relaxed
@given(front_matter, markdown)
@example("---\nsubject: a", "")
@example("\n---\nsubject: a\n---", "\n")
def test_any_text_is_read_or_reported(front: str, body: str) -> None:
    raw = f"{front}\n{body}".encode("utf-8", "surrogatepass")
    assert_sound(read(raw), raw)


@relaxed
@given(markdown)
def test_the_same_file_gives_the_same_draft(body: str) -> None:
    raw = (HEADER + body).encode()
    assert read(raw) == read(raw)
    assert check(read(raw)) == check(read(raw))


@relaxed
@given(st.text(max_size=120))
def test_any_file_name_is_read_or_reported(name: str) -> None:
    assert_sound(read((HEADER + "a").encode(), name), (HEADER + "a").encode())


def prose_of(value: object) -> Iterator[RichText]:
    if isinstance(value, RichText):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from prose_of(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from prose_of(getattr(value, field.name))


@relaxed
@given(markdown)
def test_what_subscribers_get_is_clean_and_on_one_line(body: str) -> None:
    issue = read((HEADER + body).encode()).issue
    for prose in prose_of(issue.blocks if issue else ()):
        assert "\n" not in prose.html
        assert not FORBIDDEN.search(prose.html + prose.text.replace("\n", ""))
        tags = re.findall(r"<[^>]*>", prose.html)
        assert all(
            re.fullmatch(r'</?(?:strong|em|code|br|a)>|<a href="(?:https?|mailto):[^"]*">', tag)
            for tag in tags
        )
        assert tags.count("<a>") == 0


pieces = st.sampled_from(
    [
        "{}\n\n", "{} {}\n", "## {}\n\n", "> {}\n\n", "- {}\n", "  - {}\n", "    - {}\n", "1. {}\n",
        "- {}? → {}\n", "💡 {}\n\n", "*{}* **{}**\n", "[{}](https://example.org/{})\n", "`{}`\n\n",
        "![{}](https://example.org/{})\n\n", "---\n\n", "{}\n---\n", "[{}]: {}\n", "{}\\\n{}\n",
        "<{}>\n", "> > {}\n", "    {}\n", "```{}\n",
    ]
)  # fmt: skip


@relaxed
@given(st.lists(pieces, min_size=1, max_size=14))
def test_no_word_of_an_author_is_lost_unreported(shapes: list[str]) -> None:
    numbers = iter(range(10_000))
    body = "".join(re.sub(r"\{\}", lambda _: f"w{next(numbers)}w", shape) for shape in shapes)
    draft = read((HEADER + body).encode())
    if draft.issue and not draft.findings:
        kept = str(draft.blocks)
        assert [w for w in re.findall(r"w\d+w", body) if w not in kept] == []


# Without escapes, code and entities, so that a mark in the text is a mark without effect.
LOOSE = [piece for piece in PIECES if not set(piece) & set("\\`&\ue000\u2028")]
loose = st.lists(
    st.sampled_from([*LOOSE, "woord", "**", "~~", "[[", "]]", "##", "{{", "}}"]), max_size=30
)


MARKS = re.compile(r"(?<!\w)\*\*|\]\(|\[\[\w+\]\]|\{\{\w*\}\}|(?<![\w@/.])https?://\w")


@relaxed
@given(loose.map("".join))
@example("x [https://example.org/](https://example.org)")
@example("[[https://example.org/](https://example.org)")
def test_no_mark_reaches_a_subscriber_unreported(body: str) -> None:
    draft = read((HEADER + body).encode())
    if not check(draft):
        # The words of a link may be an address.
        shown = " ".join(
            html.unescape(re.sub(r"<a [^>]*>.*?</a>", "", prose.html))
            for prose in prose_of(draft.blocks)
        )
        assert not MARKS.search(shown)
