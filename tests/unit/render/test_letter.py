from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from newsletter import placeholders
from newsletter.errors import NewsletterError
from newsletter.model import Button, Heading, Letter, Link, Reflection, RichText, Text
from newsletter.render import letter
from tests.support import issues
from tests.support.issues import (
    SAMPLES,
    SETTINGS,
    SUBSCRIBER,
    Parsed,
    every_block,
    fill,
    issue,
    rich,
    sample,
)

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = [
    "{{7*7}} {% raw %} {# weg #} {{ settings.secret_keys }}",
    "[[unsubscribe_url]] %recipient.x% %%x%% *|UNSUB|* ${x} {first_name}",
    "</mj-text></mj-column><mj-raw><b>",
    "<script>alert('x')</script> <!-- weg --> ]]> <![CDATA[",
    "&amp; &nbsp; &copy; &#34; & &lt;b&gt;",
    "\"dubbel\" 'enkel' `schuin` \\ \\\\ \\n \\u{a0}",
    "a\u00a0b \u202f\u2009\u200b\ufeff",
    "\u26a0\ufe0f \U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f4a1",
    "e\u0301e\u0308n co\u00adop \u202eabc\u202c 禅",
    "greeting unsubscribe_url slots.unsubscribe_url",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_arrive_as_written_everywhere(words: str) -> None:
    made = letter(every_block(words), SETTINGS)
    page = Parsed(fill(made.html))
    assert page.texts("title") == page.texts("h1") == [words]
    assert page.values("div", "aria-label") == [words]
    assert page.texts("h2") == [words] * 3
    assert page.texts("h3") == [words] * 3
    assert f"{words} {words}" in page.texts("p")
    assert page.texts("blockquote") == [words * 2]
    assert page.values("img", "alt") == [words]
    assert [text for text in page.texts("a") if text == words] == [words] * 7
    assert page.texts("li")[:3] == [words * 2] * 3
    assert page.texts("script") == page.texts("b") == []
    spaced = " ".join(words.split(" "))
    assert made.text.startswith(f"{spaced}\n=") or len(words) > 72
    assert "".join(words.split()) in "".join(made.text.split())


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/?a=1&copy=2&amp=3#deel",
        "https://example.org/'enkel'/\"dubbel\"/\\terug",
        "https://example.org/{{7*7}}/%recipient.x%/[[x]]",
        "https://example.org/<b>/e\u0301/\u00a0",
        "https://example.org/" + "lang/" * 60,
    ],
)
def test_hostile_addresses_arrive_as_written(url: str) -> None:
    made = letter(every_block(url=url), SETTINGS)
    page = Parsed(fill(made.html))
    assert page.values("a", "href").count(url) == 5
    assert page.values("img", "src") == [url]
    assert made.text.split("\n").count(url) == 3
    assert f"[1] {url}" in made.text.split("\n")


@pytest.mark.parametrize(
    "words",
    [
        placeholders.GREETING,
        placeholders.UNSUBSCRIBE_URL,
        "\ue000",
        "\uf8ff",
        "&#57344;unsubscribe_url&#57345;",
    ],
)
def test_placeholders_are_refused_everywhere_in_an_issue(words: str) -> None:
    for sent, settings in [
        (issue(Text(1, rich(words))), SETTINGS),
        (issue(subject=words), SETTINGS),
        (issue(), replace(SETTINGS, signature=words)),
        (issue(), replace(SETTINGS, contact=words)),
    ]:
        with pytest.raises(NewsletterError, match="private-use character"):
            letter(sent, settings)


def test_prose_keeps_only_the_elements_of_prose() -> None:
    html = (
        'a <em>b</em> <strong>c</strong><br><code>d</code> <a href="https://example.org/?a&amp;b"'
        ' onclick="x()">e</a> <img src="x"> <u>f</u> <script>g</script>'
    )
    made = letter(issue(Text(1, RichText(html=html, text="a", source="a"))), SETTINGS)
    paragraph = next(p for p in re.findall(r"<p .*?</p>", made.html) if ">a <em>" in p)
    assert re.sub(r' style="[^"]*"', "", paragraph) == (
        "<p>a <em>b</em> <strong>c</strong><br /><code>d</code> "
        '<a href="https://example.org/?a&amp;b">e</a>  f g</p>'
    )
    assert 'text-decoration:underline">e</a>' in paragraph


def test_the_same_issue_gives_the_same_bytes() -> None:
    first, second = letter(every_block(), SETTINGS), letter(every_block(), SETTINGS)
    assert first.encode() == second.encode()
    assert first.hash == second.hash
    assert Letter.decode(first.encode()) == first
    assert letter(every_block("anders"), SETTINGS).hash != first.hash


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_sample_issues_are_small_pure_ascii_and_whole(path: Path) -> None:
    made = letter(sample(path), SETTINGS)
    assert made.html.isascii()
    assert 10_000 < len(made.html) < 30_000
    Parsed(made.html)
    assert not placeholders.remain(fill(made.html))
    assert not placeholders.remain(fill(made.text))
    assert made.text.endswith("\n")
    assert "\n\n\n" not in made.text


def test_a_letter_with_every_block_four_times_is_under_60_kb() -> None:
    full = every_block("Een gewone zin van een gewone lengte, over rust en loslaten.")
    made = letter(replace(full, blocks=full.blocks * 4), SETTINGS)
    assert len(made.html) < 60_000


def test_together_the_sample_issues_use_every_block() -> None:
    used = {block.kind for path in SAMPLES for block in sample(path).blocks}
    assert used == {block.kind for block in every_block().blocks}


def test_the_placeholders_are_where_a_subscriber_needs_them() -> None:
    made = letter(issue(), SETTINGS)
    for part in (made.html, made.text):
        assert placeholders.split(part)[1::2] == ("greeting", "unsubscribe_url")
    page = Parsed(fill(made.html))
    assert "Dag Anna," in page.texts("p")
    assert [
        text
        for (tag, attributes, _), text in zip(
            [e for e in page.elements if e[0] == "a"], page.texts("a"), strict=True
        )
        if attributes["href"] == SUBSCRIBER["unsubscribe_url"]
    ] == ["Afmelden"]
    assert f"\nAfmelden:\n{SUBSCRIBER['unsubscribe_url']}\n" in fill(made.text)


def test_the_footer_says_why_who_and_how_to_leave() -> None:
    made = letter(issue(), SETTINGS)
    shown = "\n".join(Parsed(fill(made.html)).texts("p"))
    for part in (shown, " ".join(made.text.split())):
        assert "omdat je je hebt aangemeld voor Jij en Loslaten op example.org" in part
        assert "Afmelden kan op elk moment" in part
        assert "Verstuurd door Gerrit" in part
        assert "Postbus 1, 1000 AA Amsterdam" in part
        assert "je kunt gewoon op deze brief reageren" in part
    assert 'href="https://brief.example.org/issues/2026-11-29-rust"' in made.html
    assert "\nhttps://brief.example.org/issues/2026-11-29-rust\n" in made.text


def test_a_subscriber_may_answer_and_sees_so_below_the_signature() -> None:
    made = letter(issue(), SETTINGS)
    shown = Parsed(fill(made.html)).texts("p")
    at = shown.index("Groet,Gerrit")
    assert shown[at + 1].startswith("P.S. Antwoorden mag altijd")
    assert "\nGerrit\n\nP.S. Antwoorden mag altijd" in made.text
    assert "P.S." not in made.page


def test_the_date_of_the_issue_stands_above_it_and_on_the_web_with_its_year() -> None:
    made = letter(issue(), SETTINGS)
    assert ">zondag 29 november</div>" in made.html
    assert "\nzondag 29 november\n" in made.text
    assert ">zondag 29 november 2026</div>" in made.page
    english = letter(issue(), replace(SETTINGS, language="en-GB"))
    assert ">Sunday 29 November</div>" in english.html
    assert "\nSunday 29 November\n" in english.text


@pytest.mark.parametrize("label", ["Neem mee", "Wat neem je mee?", ""])
def test_the_label_of_a_reflection_is_a_setting(label: str) -> None:
    made = letter(issue(Reflection(1, rich("Rust."))), replace(SETTINGS, reflection_label=label))
    assert Parsed(made.html).texts("strong") == [label] * bool(label)
    assert ("\U0001f4a1" in made.html or "&#128161;" in made.html) == bool(label)
    above = {"Neem mee": "Neem mee:\n", "Wat neem je mee?": "Wat neem je mee?\n", "": ""}[label]
    assert f"Dag Anna,\n\n{above}  Rust.\n" in fill(made.text)


def test_missing_settings_leave_no_holes(tmp_path: Path) -> None:
    bare = replace(SETTINGS, root=tmp_path, sender="", contact="", site_url="", signature="")
    made = letter(issue(), bare)
    page = Parsed(fill(made.html))
    assert all(text.strip() for text in page.texts("p"))
    assert "reageren" not in made.html + made.text
    assert " op ." not in made.html + made.text
    assert "display:none" not in made.html  # no preheader, so nothing hidden
    assert "Verstuurd door Jij en Loslaten\n" in made.text
    assert "\n\n\n" not in made.text
    assert made.sender == "Jij en Loslaten <newsletter@newsletter.invalid>"
    assert made.list_id == "Jij en Loslaten <jij-en-loslaten.newsletter.invalid>"


def test_the_envelope_of_a_letter() -> None:
    made = letter(issue(), replace(SETTINGS, reply_to="antwoord@example.org"))
    assert made.subject == "De weg naar rust"
    assert made.sender == "Gerrit <gerrit@example.org>"
    assert made.reply_to == "antwoord@example.org"
    assert made.list_id == "Jij en Loslaten <jij-en-loslaten.example.org>"
    assert made.unsubscribe_url == "https://brief.example.org/u/"
    assert (made.greeting, made.greeting_without_name) == ("Dag {first_name},", "Dag,")


@pytest.mark.parametrize(
    ("name", "list_id"),
    [
        ("Café & Co.", '"Café & Co." <cafe-co.example.org>'),
        ('Zeg "ja"', '"Zeg \\"ja\\"" <zeg-ja.example.org>'),
        ("禅", "禅 <newsletter.example.org>"),
        ("a" * 300, f"{'a' * 300} <{'a' * 60}.example.org>"),
    ],
)
def test_the_list_id_is_ascii_between_its_brackets(name: str, list_id: str) -> None:
    assert letter(issue(), replace(SETTINGS, name=name)).list_id == list_id


def test_the_page_is_an_article_in_the_newsletters_language_with_headings_in_order() -> None:
    page = Parsed(letter(every_block(), replace(SETTINGS, language="nl-BE")).html)
    assert page.values("html", "lang") == ["nl-BE"]
    assert "article" in page.values("div", "role")
    headings = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert headings == [1, 2, 2, 3, 2, 3, 3]
    tables = [attributes for tag, attributes, _ in page.elements if tag == "table"]
    assert tables
    assert {attributes.get("role") for attributes in tables} == {"presentation"}


def test_nothing_is_fetched_from_anywhere_but_the_authors_images() -> None:
    html = letter(every_block(), SETTINGS).html
    page = Parsed(html)
    assert page.values("img", "src") == ["https://example.org/a"]
    assert page.values("link", "href") == []
    assert "url(" not in html
    assert "@import" not in html


def test_links_lists_quotes_and_headings_carry_their_style_themselves() -> None:
    page = Parsed(letter(every_block(), SETTINGS).html)
    for tag in ("a", "ul", "ol", "li", "blockquote", "h1", "h2", "h3", "img"):
        elements = [attributes for name, attributes, _ in page.elements if name == tag]
        assert elements
        assert all(attributes.get("style") for attributes in elements), tag


PLAIN = """\
Rust
====
zondag 29 november

Dag Anna,

woorden woorden [1]
[1] https://example.org/a

> woorden
>
> woorden

woorden
-------

1. woorden
   woorden

2. woorden
   woorden

3. woorden
   woorden

Om mee te nemen:
  woorden

woorden:
https://example.org/a

                                 * * *

woorden
-------

woorden

- woorden
  woorden
  9. woorden
  10. woorden

[Afbeelding: woorden]

woorden:
https://example.org/a

woorden:
https://example.org/a

woorden
-------

woorden
  woorden

  9. woorden
  10. woorden

woorden
  woorden

woorden woorden [1]
[1] https://example.org/a

- woorden
  https://brief.example.org/a/2026-11-29-rust/1
- woorden
  https://brief.example.org/a/2026-11-29-rust/2

Groet,
Gerrit

P.S. Antwoorden mag altijd: je kunt gewoon op deze brief reageren.
"""


def test_the_plain_text_of_every_block() -> None:
    made = letter(replace(every_block("woorden"), subject="Rust"), SETTINGS)
    body = fill(made.text).split("\n-- \n")[0]
    assert body == PLAIN


def test_plain_text_lines_are_at_most_72_columns_but_for_addresses() -> None:
    for path in SAMPLES:
        for line in fill(letter(sample(path), SETTINGS).text).split("\n"):
            assert len(line) <= 72 or "://" in line


def test_a_heading_keeps_its_links_in_plain_text() -> None:
    body = RichText("a", "Rust [4]", "a", ((4, "https://example.org/rust"),))
    text = letter(issue(Heading(1, 2, body)), SETTINGS).text
    assert "Rust [4]\n--------\n[4] https://example.org/rust\n" in text


def test_a_label_that_ends_a_sentence_gets_no_colon_in_plain_text() -> None:
    url = "https://example.org/rust"
    text = letter(
        issue(Button(1, Link("Durf je?", url)), Button(1, Link("Lees", url))), SETTINGS
    ).text
    assert f"\nDurf je?\n{url}\n\nLees:\n{url}\n" in text


def test_placeholders_are_found_raw_and_as_entities() -> None:
    raw = f"a{placeholders.GREETING}b{placeholders.UNSUBSCRIBE_URL}"
    entities = raw.encode("ascii", "xmlcharrefreplace").decode()
    assert (
        placeholders.split(raw)
        == placeholders.split(entities)
        == ("a", "greeting", "b", "unsubscribe_url", "")
    )
    assert placeholders.split("unsubscribe_url") == ("unsubscribe_url",)
    for part in (raw, entities, "\uf8ff", "&#xE123;", "\U000f0000"):
        assert placeholders.remain(part)
    assert not placeholders.remain(issues.fill(raw) + "é 💡 &amp;#57344;")


@pytest.mark.parametrize(
    ("logo", "alt", "shown"),
    [
        ("dutch/steen.png", "", "Jij en Loslaten"),  # as high as wide: the name is beside it
        ("english/waves.png", "Jij en Loslaten", ""),
    ],
)
def test_a_wide_logo_takes_the_place_of_the_name_and_a_square_one_is_before_it(
    logo: str, alt: str, shown: str
) -> None:
    made = letter(issue(), replace(SETTINGS, logo=f"tests/support/letters/{logo}"))
    (masthead,) = re.findall(r'<td[^>]* class="accent"[^>]*>(.*?)</td>', made.html, re.DOTALL)
    page = Parsed(masthead)
    assert page.values("img", "alt") == [alt]
    assert page.texts("div") == [shown]
    assert int(page.values("img", "height")[0] or 0) <= 44
    assert masthead in made.page


def test_the_portrait_stands_beside_the_signature_and_needs_no_words() -> None:
    portrait = "tests/support/letters/dutch/portret.png"
    made = letter(issue(), replace(SETTINGS, portrait=portrait))
    page = Parsed(made.html)
    assert page.values("img", "alt") == [""]
    assert (page.values("img", "width"), page.values("img", "height")) == (["56"], ["56"])
    assert made.html.index("<img") < made.html.index("Gerrit</p>")
    assert made.text == letter(issue(), SETTINGS).text
