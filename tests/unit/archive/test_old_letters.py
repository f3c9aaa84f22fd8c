"""The text of another program's letter as an issue of ours: what stays, what goes, what never."""

from __future__ import annotations

import json
import re
from datetime import time
from html import escape
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter import content
from newsletter.archive.importing.fields import drop_conditional_parts, without_fields
from newsletter.archive.importing.ghost_documents import lexical_to_html, mobiledoc_to_html
from newsletter.archive.importing.letters import read_moment
from newsletter.archive.importing.markdown_html import markdown_to_html
from newsletter.archive.importing.markup import Surroundings, read_markup
from newsletter.archive.importing.pieces import write_body
from newsletter.article.words import draft_texts
from newsletter.model import Draft, Severity

AROUND = Surroundings(draft_texts("nl").things, lambda source: "a.jpg" if "eigen" in source else "")


def converted(markup: str, title: str = "Rust") -> str:
    return write_body(read_markup(markup, AROUND), title)


def read(body: str) -> Draft:
    return content.read(
        f"---\nsubject: Rust\n---\n\n{body}".encode(),
        name="2021-03-04-rust.md",
        path="rust",
        zone=ZoneInfo("Europe/Amsterdam"),
        send_clock=time(7),
    )


@pytest.mark.parametrize(
    ("markup", "body"),
    [
        ("<p>Een <b>vet</b> en <i>schuin</i> woord</p>", "Een **vet** en *schuin* woord"),
        ("<p><b>Vet </b>en <b>&nbsp;meer</b></p>", "**Vet** en **meer**"),
        ("<p>on<b>gewoon</b>!<b>!</b></p>", "on**gewoon**!**!**"),
        ("<p>een<b>“zin”</b>op</p>", "een“zin”op"),  # CommonMark has no such emphasis
        ("<p>a<br>b<br><br>c</p>", "a\\\nb\n\nc"),
        ("<div>Een</div><div>Twee</div>", "Een\n\nTwee"),
        ("<h1>Rust</h1><p>Een zin.</p>", "Een zin."),  # the subject is there already
        ("<h2>Kop</h2><p>a</p><h4>Deel</h4><p>b</p>", "## Kop\n\na\n\n### Deel\n\nb"),
        ("<h3>Kop</h3><p>a</p>", "## Kop\n\na"),
        ("<hr><p>a</p><hr><hr><p>b</p><hr>", "a\n\n---\n\nb"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<ol start=3><li>a</li><li>b</li></ol>", "3. a\n4. b"),
        ("<ul><li>a</li></ul><ul><li>b</li></ul>", "- a\n\n* b"),
        ("<ul><li>a<ul><li>b<ul><li>c<ul><li>d</li></ul></li></ul></li></ul></li></ul>",
         "- a\n  - b\n    - c\n    - d"),
        ("<ul><li>a<ol start=4><li>b</li></ol>c</li></ul>", "- a\n\n  4. b\n- c"),
        ("<ul><li><p>a</p><p>b</p></li></ul>", "- a\n\n  b"),
        ("<ul><li><h3>Kop</h3><blockquote>x</blockquote></li></ul>", "- **Kop**\n\n> – x"),
        ("<blockquote><p>a</p><ul><li>b</li></ul></blockquote>", "> a\n>\n> – b"),
        ("<blockquote>a</blockquote><blockquote>b</blockquote>", "> a\n\n> b"),
        ("<blockquote>a<p>💡 b</p></blockquote>", "> a\n>\n> b"),
        ("<p>💡 Wat laat je los?</p>", "💡 Wat laat je los?"),
        ("<p><a href='https://x.example/a'>Lees</a></p>", "[Lees](https://x.example/a)"),
        ("<p>Zie <a href='https://x.example/a(b)'>dit <b>stuk</b></a>.</p>",
         "Zie [dit **stuk**](<https://x.example/a(b)>)."),
        ("<p><a href='https://x.example/?utm_source=a&b=1'>Lees</a></p>",
         "[Lees](https://x.example/?b=1)"),
        ("<p>Zie https://x.example/a_b_c.</p>", "Zie <https://x.example/a_b_c>."),
        ("<p><a href='mailto:ik@x.example'>Mail</a></p>", "[Mail](mailto:ik@x.example)"),
        ("<p>a <a href='/over'>over</a> <a href='#x'>x</a> <a href='ftp://x'>y</a></p>",
         "a over x y"),
        ("<p>1. geen lijst</p><p># geen kop</p><p>- niets</p>",
         "1\\. geen lijst\n\n\\# geen kop\n\n\\- niets"),
        ("<pre><code>een\n  twee</code></pre>", "`een`\\\n`twee`"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",
         "a – b\n\n1 – 2"),
        ("<table><tr><td><table><tr><td>a<td>b<tr><td>1<td>2</table><tr><td><p>c</p></table>",
         "a – b\n\n1 – 2\n\nc"),
        ("<img src='https://x.example/a.jpg' alt='Een pad'>",
         "Een afbeelding: [Een pad](https://x.example/a.jpg)"),
        ("<img src='https://x.example/a.jpg'>",
         "Een afbeelding: [x.example](https://x.example/a.jpg)"),
        ("<img src='eigen.jpg' alt='Een [pad]'><p>a</p>", "![Een \\[pad\\]](a.jpg)\n\na"),
        ("<figure><img src='eigen.jpg' alt='Pad'><figcaption>In \"mei\"</figcaption></figure>",
         '![Pad](a.jpg "In ”mei”")'),
        ("<a href='https://x.example/b'><img src='https://x.example/a.jpg' alt='Pad'></a>",
         "Een afbeelding: [Pad](https://x.example/b)"),
        ("<img src='https://x.example/open.gif' width=1 height=1><p>a</p>", "a"),
        ("<p>a <img src='https://x.example/smile.png' alt='🙂'> b</p>", "a 🙂 b"),
        ("<iframe src='https://www.youtube-nocookie.com/embed/x'></iframe>",
         "Een video: [youtube-nocookie.com](https://www.youtube-nocookie.com/embed/x)"),
        ("<p style='display: none'>voorvertoning</p><p>a</p>", "a"),
        (('<div class="digest-post-embed" data-attrs=\'{"title": "Stil", "canonical_url":'
         ' "https://x.example/p/stil"}\'></div>'), "[Stil](https://x.example/p/stil)"),
        ("<p>💡</p><p>Wat nu?</p>", "💡 Wat nu?"),
    ],
)  # fmt: skip
def test_markup_becomes_markdown(markup: str, body: str) -> None:
    assert converted(markup) == f"{body}\n"


@pytest.mark.parametrize(
    ("markup", "body"),
    [
        ("<p>Dag *|FNAME|*,</p><p>a</p>", "a"),
        ("<p>Beste {{ subscriber.first_name }},<br>Vandaag regent het.</p>", "Vandaag regent het."),
        ("<p>Beste lezers,</p><p>a</p>", "Beste lezers,\n\na"),
        ("<p>Dankjewel, *|FNAME|*, voor alles.</p>", "Dankjewel, voor alles."),
        ("<p>Dankjewel *|<b>FNAME</b>|*!</p>", "Dankjewel!"),
        ("<p>a</p><p>Geen zin meer? <a href='*|UNSUB|*'>Stop</a></p>", "a"),
        ("<p>a</p><p>Niet meer? <a href='https://x.us1.list-manage.com/unsubscribe?u=1'>x</a></p>",
         "a"),
        ("<p>a</p><p><a href='{{ unsubscribe_url }}'>Afmelden</a></p>", "a"),
        ("<p><a href='https://x.substack.com/p/a?action=share'>Share</a></p><p>a</p>", "a"),
        ("<p>Lees <a href='https://x.us1.list-manage.com/track/click?u=1&e=2'>dit</a>.</p>",
         "Lees dit."),
        ("<p>Bekijk deze e-mail in je browser</p><p>a</p>", "a"),
        ("<p>a</p><p>Copyright © 2021 De schrijver. All rights reserved.</p>", "a"),
        ("<p>*|IF:LID|*Voor leden.*|ELSE:|*Voor iedereen.*|END:IF|*</p>", "Voor iedereen."),
        ("<p>a</p>{% if subscriber.premium %}<p>geheim</p>{% endif %}", "a"),
    ],
)  # fmt: skip
def test_what_was_for_one_subscriber_or_of_the_program_goes(markup: str, body: str) -> None:
    assert converted(markup) == f"{body}\n"


def test_a_long_paragraph_stays_whatever_it_links_to() -> None:
    prose = "Wie zich afmeldt, is van harte welkom om later terug te komen. " * 8

    assert converted(f"<p>{prose}<a href='*|UNSUB|*'>Hier</a></p>").startswith("Wie zich afmeldt")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a{% if x %}b{% elsif y %}c{% else %}d{% endif %}e", "ade"),
        ("a{% if x %}b{% if y %}c{% else %}d{% endif %}{% endif %}e", "ae"),
        ("{{#if x}}b{{else}}c{{/if}}", "c"),
        ("a *|IF:X|* b", "a  b"),
        ("a{% endif %}b", "ab"),
    ],
)
def test_conditions(text: str, left: str) -> None:
    assert drop_conditional_parts(text) == left


def test_a_title_has_no_fields() -> None:
    assert without_fields("Hoi *|FNAME|*, dit is {{ issue }}  nummer 3") == "Hoi, dit is nummer 3"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-03-04T06:30:00.000Z", "2021-03-04T06:30:00+00:00"),
        ("2023-01-02 16:55:00+00:00", "2023-01-02T16:55:00+00:00"),
        ("2023-01-02 16:55:00.123456789 +00:00", "2023-01-02T16:55:00.123456+00:00"),
        ('"May 19, 2019 06:00 pm"', "2019-05-19T18:00:00"),
        ("2022-05-01 05:00:00", "2022-05-01T05:00:00"),
    ],
)
def test_moments_as_each_program_writes_them(text: str, moment: str) -> None:
    found = read_moment(text)
    assert found
    assert found.isoformat() == moment


def test_ghosts_own_formats_say_what_its_html_says() -> None:
    html = (
        "<h2>Kop</h2><p>Een <strong>vet</strong> <em>woord</em>, <a href='https://x.example/a'>en "
        "meer</a>.<br>Verder.</p><ul><li>a</li><li>b</li></ul><blockquote>c</blockquote><hr>"
        "<figure><img src='https://x.example/p.jpg' alt='Pad'></figure>"
        "<p><a href='https://x.example/b'>Lees</a></p>"
    )
    text = {"type": "extended-text", "format": 0}
    lexical = {
        "root": {
            "type": "root",
            "children": [
                {"type": "extended-heading", "tag": "h2", "children": [{**text, "text": "Kop"}]},
                {
                    "type": "paragraph",
                    "children": [
                        {**text, "text": "Een "},
                        {**text, "text": "vet", "format": 1},
                        {**text, "text": " "},
                        {**text, "text": "woord", "format": 2},
                        {**text, "text": ", "},
                        {
                            "type": "link",
                            "url": "https://x.example/a",
                            "children": [{**text, "text": "en meer"}],
                        },
                        {**text, "text": "."},
                        {"type": "linebreak"},
                        {**text, "text": "Verder."},
                    ],
                },
                {
                    "type": "list",
                    "listType": "bullet",
                    "children": [
                        {"type": "listitem", "children": [{**text, "text": one}]} for one in "ab"
                    ],
                },
                {"type": "extended-quote", "children": [{**text, "text": "c"}]},
                {"type": "horizontalrule"},
                {"type": "image", "src": "https://x.example/p.jpg", "alt": "Pad"},
                {"type": "button", "buttonUrl": "https://x.example/b", "buttonText": "Lees"},
                {"type": "signup", "header": "Word lid"},
                {
                    "type": "html",
                    "html": "<p>leden</p>",
                    "visibility": {"web": {"nonMember": False}},
                },
            ],
        }
    }
    mobiledoc = {
        "version": "0.3.1",
        "atoms": [["soft-return", "", {}]],
        "cards": [
            ["hr", {}],
            ["image", {"src": "https://x.example/p.jpg", "alt": "Pad"}],
            ["button", {"buttonUrl": "https://x.example/b", "buttonText": "Lees"}],
        ],
        "markups": [["strong"], ["em"], ["a", ["href", "https://x.example/a"]]],
        "sections": [
            [1, "h2", [[0, [], 0, "Kop"]]],
            [
                1,
                "p",
                [
                    [0, [], 0, "Een "],
                    [0, [0], 1, "vet"],
                    [0, [], 0, " "],
                    [0, [1], 1, "woord"],
                    [0, [], 0, ", "],
                    [0, [2], 1, "en meer"],
                    [0, [], 0, "."],
                    [1, [], 0, 0],
                    [0, [], 0, "Verder."],
                ],
            ],
            [3, "ul", [[[0, [], 0, "a"]], [[0, [], 0, "b"]]]],
            [1, "blockquote", [[0, [], 0, "c"]]],
            [10, 0],
            [10, 1],
            [10, 2],
        ],
    }
    expected = converted(html)
    assert expected.count("\n\n") == 6
    assert converted(lexical_to_html(json.dumps(lexical))) == expected
    assert converted(mobiledoc_to_html(json.dumps(mobiledoc))) == expected


_SIGNS = """
rust Dag 💡 [[x]] [a](b) ![a](b) *a* ** __x__ `c` # > - + 1. 2) --- === ~~~ |a|b| <b> &lt;
https://x.nl/a_b_c http://[ https://a..b² www.x.nl jan@x.nl *|FNAME|* {{x}} {% %%x%% $X → wat? ->
[^1] \u202e \ufffd \u00ad \u2028 <!-- --> \\ \\* ]] a: _ é
"""
_WORDS = st.sampled_from([*_SIGNS.split(" "), "\u2028", "\t"])
_TEXT = st.one_of(
    st.lists(_WORDS, max_size=4).map(lambda words: escape(" ".join(words))),
    st.text(max_size=8).map(escape),
)
_TAG = st.sampled_from(
    [
        *("b", "i", "em", "strong", "a", "code", "span", "p", "div", "h1", "h2", "h4", "ul", "ol"),
        *("li", "blockquote", "pre", "table", "tr", "td", "figure", "figcaption", "hr", "br"),
        *("img", "iframe"),
    ]
)
_URL = st.sampled_from(
    [
        *("https://x.nl/p", "mailto:a@b.nl", "javascript:x", "*|UNSUB|*", "#a", "eigen.png"),
        *("https://x.nl/a(b)c", "https://x.nl/?a=[b]", "https://x.nl/%7B%7Bx%7D%7D", "//x", "a\nb"),
    ]
)


def _element(tag: str, inner: list[str], url: str) -> str:
    written = escape(url)
    attributes = {"a": f' href="{written}"', "img": f' src="{written}" alt="x"', "ol": ' start="7"'}
    return f"<{tag}{attributes.get(tag, '')}>{''.join(inner)}</{tag}>"


_MARKUP = st.lists(
    st.recursive(
        _TEXT,
        lambda inner: st.builds(_element, _TAG, st.lists(inner, max_size=3), _URL),
        max_leaves=20,
    ),
    max_size=4,
).map("".join)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(_MARKUP)
def test_whatever_the_markup_an_issue_comes_of_it_without_errors(markup: str) -> None:
    body = converted(markup)
    found = read(body).findings
    errors = [one for one in found if one.severity is Severity.ERROR and one.rule != "empty-body"]
    assert not errors, body
    assert not [one for one in found if one.rule == "merge-tag"], body


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_WORDS, max_size=12).map(" ".join), st.lists(_WORDS, max_size=6).map("\n".join))
def test_whatever_the_markdown_an_issue_comes_of_it_without_errors(one: str, other: str) -> None:
    body = converted(markdown_to_html(f"{one}\n\n{other}"))
    errors = [each for each in read(body).findings if each.severity is Severity.ERROR]
    assert not [each for each in errors if each.rule != "empty-body"], body


@settings(max_examples=150, deadline=None)
@given(st.lists(st.from_regex(r"[a-zé]{2,9}[.,!?]?", fullmatch=True), min_size=1, max_size=20))
def test_no_word_is_lost_however_it_is_nested(words: list[str]) -> None:
    tags = ("p", "b", "i", "li", "blockquote", "h3", "td", "div", "a")
    markup = "".join(
        f"<{tags[n % len(tags)]}>{word} " + f"</{tags[n % len(tags)]}>" * (n % 3)
        for n, word in enumerate(words)
    )
    kept = re.findall(r"[a-zé]+", converted(markup, title="-").replace("\\", ""))
    assert kept == [re.sub(r"\W", "", word) for word in words]
