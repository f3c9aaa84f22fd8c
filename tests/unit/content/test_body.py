"""The body: Markdown becomes blocks, and everything a letter may not hold is reported."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from newsletter import content
from newsletter.model import (
    Ask,
    Button,
    Divider,
    Faq,
    Heading,
    Image,
    ItemList,
    Link,
    Links,
    Questions,
    Quote,
    Reflection,
    Severity,
    Text,
)

if TYPE_CHECKING:
    from newsletter.model import Block, Draft, RichText

HEADER = "---\nsubject: Rust\n---\n"
FIRST = 4  # the line of the file on which a body begins here


def read(body: str) -> Draft:
    return content.read(
        (HEADER + body).encode(),
        name="2026-11-29-rust.md",
        path="issues/2026-11-29-rust.md",
        zone=ZoneInfo("Europe/Amsterdam"),
        send_clock=time(7),
    )


def blocks(body: str) -> tuple[Block, ...]:
    draft = read(body)
    assert draft.issue, draft.findings
    assert draft.issue.blocks == draft.blocks
    return draft.blocks


def prose(body: str) -> RichText:
    (block,) = blocks(body)
    assert isinstance(block, Text)
    return block.body


def found(body: str) -> list[tuple[int, str]]:
    return [(f.line - FIRST + 1, f.rule) for f in read(body).findings]


SAMPLE = """\
An opening paragraph.

> A line worth keeping.

## Drie vragen om even bij stil te staan
- Waar merk je als eerste dat je jezelf onder druk zet? → Je lijf weet het vaak eerder.

💡 Welke ene keuze brengt vandaag rust?

[Lees verder](https://example.org/van-spanning-naar-rust/)
"""


def test_the_sample_becomes_the_blocks_it_looks_like() -> None:
    opening, quote, heading, questions, reflection, button = blocks(SAMPLE)
    assert isinstance(opening, Text)
    assert isinstance(quote, Quote)
    assert isinstance(heading, Heading)
    assert isinstance(questions, Questions)
    assert isinstance(reflection, Reflection)
    assert [b.line for b in (opening, quote, heading, questions, reflection)] == [4, 6, 8, 9, 11]
    assert quote.paragraphs[0].text == "A line worth keeping."
    assert (heading.level, heading.underlined) == (2, False)
    assert questions.items[0].question.text.endswith("onder druk zet?")
    assert questions.items[0].hint.html == "Je lijf weet het vaak eerder."
    assert reflection.body.html == "Welke ene keuze brengt vandaag rust?"
    assert button == Button(13, Link("Lees verder", "https://example.org/van-spanning-naar-rust/"))


def test_prose_comes_in_three_forms() -> None:
    body = prose("*Eén* **twee**\n`drie <b>` & vier\\\nvijf  \nzes\n")
    assert body.html == (
        "<em>Eén</em> <strong>twee</strong> <code>drie &lt;b&gt;</code> &amp; vier<br>vijf<br>zes"
    )
    assert body.text == "Eén twee drie <b> & vier\nvijf\nzes"
    assert body.source == "*Eén* **twee**\n`drie <b>` & vier\\\nvijf  \nzes"


def test_a_soft_line_break_between_two_tags_stays_a_space() -> None:
    assert prose("*a*\n**b**").html == "<em>a</em> <strong>b</strong>"


def test_numbers_of_links_run_through_the_issue() -> None:
    body = (
        "Een [twee](https://example.org/a) drie.\n\n> [x](https://example.org/b) y\n\n"
        "- Wie? → [z](https://example.org/c) zo\n\n[Knop](https://example.org/knop)\n\n"
        "- a [b](https://example.org/d)\n  - c [d](https://example.org/e)\n"
    )
    text, quote, questions, _, items = blocks(body)
    assert isinstance(text, Text)
    assert isinstance(quote, Quote)
    assert isinstance(questions, Questions)
    assert isinstance(items, ItemList)
    assert text.body.text == "Een twee [1] drie."
    assert text.body.links == ((1, "https://example.org/a"),)
    assert quote.paragraphs[0].text == "x [2] y"
    assert questions.items[0].hint.text == "z [3] zo"
    sublist = items.items[0].sublist
    assert items.items[0].paragraphs[0].text == "a b [4]"
    assert sublist
    assert sublist.items[0].paragraphs[0].links == ((5, "https://example.org/e"),)


@pytest.mark.parametrize(
    ("written", "html", "text"),
    [
        (
            "z <https://example.org/a?b=1&c=2>",
            'z <a href="https://example.org/a?b=1&amp;c=2">https://example.org/a?b=1&amp;c=2</a>',
            "z https://example.org/a?b=1&c=2",
        ),
        (
            "z [https://example.org/ü](https://example.org/ü)",
            'z <a href="https://example.org/%C3%BC">https://example.org/ü</a>',
            "z https://example.org/%C3%BC",
        ),
        (
            "z <anna@example.org>",
            'z <a href="mailto:anna@example.org">anna@example.org</a>',
            "z anna@example.org",
        ),
        (
            "z [anna@example.org](mailto:anna@example.org)",
            'z <a href="mailto:anna@example.org">anna@example.org</a>',
            "z anna@example.org",
        ),
        (
            "z [*x*](https://bücher.example/a_(b)?q=ü&r=%20#d 'titel')",
            'z <a href="https://xn--bcher-kva.example/a_(b)?q=%C3%BC&amp;r=%20#d"><em>x</em></a>',
            "z x [1]",
        ),
        (
            "z [x][r]\n\n[r]: https://example.org/",
            'z <a href="https://example.org/">x</a>',
            "z x [1]",
        ),
    ],
)
def test_addresses_survive_and_plain_text_shows_them_once(
    written: str, html: str, text: str
) -> None:
    body = prose(written)
    assert body.html == html
    assert body.text == text


@pytest.mark.parametrize(
    "written",
    [
        "{{7*7}}",
        "{% raw %}",
        "{{ a_b_c }}",
        "[[unsubscribe_url]]",
        "%recipient.x%",
        "${x}",
        "%%y%%",
    ],
)
def test_what_another_program_would_run_is_prose(written: str) -> None:
    body = prose(f"Zie {written} hier.")
    assert body.html == body.text == f"Zie {written} hier."


@pytest.mark.parametrize("sign", ["💡 ", "💡️ ", "💡", "💡\n", "**💡** ", "&#128161; "])
def test_a_paragraph_beginning_with_a_bulb_is_a_reflection(sign: str) -> None:
    (block,) = blocks(f"{sign}Wat zie *jij*?")
    assert isinstance(block, Reflection)
    assert block.body.text == "Wat zie jij?"


def test_a_bulb_elsewhere_is_prose() -> None:
    assert prose("Een lamp 💡 gaat aan.").text == "Een lamp 💡 gaat aan."


@pytest.mark.parametrize(
    "item",
    [
        "Waarom nu? → Omdat het *kan*.",
        "**Waarom nu?** → Omdat het *kan*.",
        "Waarom nu?\n  → Omdat het *kan*.",
        "Waarom nu? →\n  Omdat het *kan*.",
        "Waarom nu?→Omdat het *kan*.",
    ],
)
@pytest.mark.parametrize("marker", ["-", "*", "1."])
def test_questions_with_hints_are_recognised(marker: str, item: str) -> None:
    (block,) = blocks(f"{marker} {item.replace(chr(10), chr(10) + ' ')}\n")
    assert isinstance(block, Questions)
    assert block.items[0].question.text == "Waarom nu?"
    assert block.items[0].hint.html == "Omdat het <em>kan</em>."
    assert block.items[0].hint.source == "Omdat het *kan*."


@pytest.mark.parametrize(
    "second",
    ["Een zin.", "Een zin → pijl", "Wat?", "Wat? →", "→ pijl", "Wat? → a\n\n  b", "Wat? → a\n  - b",
     "Wat? ja → a", "`Wat? → a`"],
)  # fmt: skip
def test_a_list_is_questions_only_if_every_item_is_one(second: str) -> None:
    (block,) = blocks(f"- Waarom? → Daarom.\n- {second}\n")
    assert isinstance(block, ItemList)
    assert block.items[0].paragraphs[0].text == "Waarom? → Daarom."


def test_lists_keep_their_numbers_paragraphs_and_levels() -> None:
    (block,) = blocks("3. a\n\n   b\n   - c\n     - d\n4. e\n")
    assert isinstance(block, ItemList)
    assert (block.ordered, block.start, len(block.items)) == (True, 3, 2)
    assert [p.text for p in block.items[0].paragraphs] == ["a", "b"]
    second = block.items[0].sublist
    assert second
    assert (second.ordered, second.line) == (False, 7)
    assert second.items[0].sublist
    assert second.items[0].sublist.items[0].paragraphs[0].text == "d"


@pytest.mark.parametrize(
    "body",
    [
        "[a](https://example.org/1)\n\n**[b](https://example.org/2)**\n\n[c](https://example.org/3)\n",
        "[a](https://example.org/1)\n[b](https://example.org/2)\n[c](https://example.org/3)\n",
        "[a](https://example.org/1)\\\n[b](https://example.org/2)\\\n[c](https://example.org/3)\n",
    ],
)
def test_of_several_lone_links_in_a_row_the_first_is_the_button(body: str) -> None:
    button, links = blocks(body)
    assert button == Button(FIRST, Link("a", "https://example.org/1"))
    assert isinstance(links, Links)
    assert links.links == (Link("b", "https://example.org/2"), Link("c", "https://example.org/3"))


@pytest.mark.parametrize(
    ("written", "link"),
    [
        (
            "[Schrijf *mij*](mailto:anna@example.org)",
            Link("Schrijf mij", "mailto:anna@example.org"),
        ),
        ("<https://example.org/>", Link("https://example.org/", "https://example.org/")),
        ("[Lees\nverder](https://example.org)", Link("Lees verder", "https://example.org")),
    ],
)
def test_a_lone_link_is_a_button(written: str, link: Link) -> None:
    assert blocks(written) == (Button(FIRST, link),)


def test_two_links_on_one_line_are_text() -> None:
    assert prose("[a](https://example.org) [b](https://example.org)").text == "a [1] b [2]"


def test_lone_images_are_images() -> None:
    assert blocks("![Een *pad*](https://example.org/a.png)\n![b](https://example.org/b.png)\n") == (
        Image(FIRST, "https://example.org/a.png", "Een pad"),
        Image(FIRST + 1, "https://example.org/b.png", "b"),
    )


PICTURE = Image(FIRST, "", "Een pad", file="foto.jpg")


@pytest.mark.parametrize(
    ("written", "image"),
    [
        ("![Een pad](foto.jpg)", PICTURE),
        ("![Een pad](<mijn foto.jpg>)", replace(PICTURE, file="mijn foto.jpg")),
        ("![Een pad](mijn%20foto.jpg)", replace(PICTURE, file="mijn foto.jpg")),
        ("![Een pad](coöp-50%25.jpg)", replace(PICTURE, file="coöp-50%.jpg")),
        ("![Een pad](/img/foto.jpg)", replace(PICTURE, file="/img/foto.jpg")),
        ('![Een pad](foto.jpg "Langs het water")', replace(PICTURE, caption="Langs het water")),
        ("![Een pad](foto.jpg){width=240}", replace(PICTURE, width=240)),
        ('![Een pad](foto.jpg){ width = "240px" }', replace(PICTURE, width=240)),
        (
            '![Een pad](foto.jpg "Hier"){width=240}',
            replace(PICTURE, caption="Hier", width=240),
        ),
        (
            "[![Een pad](foto.jpg){width=240}](https://example.org/pad)",
            replace(PICTURE, link="https://example.org/pad", width=240),
        ),
        (
            '![Een pad](https://example.org/a.png "Hier"){width=240}',
            Image(FIRST, "https://example.org/a.png", "Een pad", caption="Hier", width=240),
        ),
    ],
)
def test_an_image_has_a_file_or_an_address_a_caption_a_width_and_a_link(
    written: str, image: Image
) -> None:
    assert blocks(written) == (image,)
    assert blocks(f"Een zin.\n{written}\nNog een zin.")[1] == replace(image, line=FIRST + 1)


@pytest.mark.parametrize(
    "written",
    ["![a](foto.jpg)\\{width=240}", "![a](foto.jpg){{width}}", "![a](foto.jpg){% if x %}"],
)
def test_braces_that_are_no_attributes_stay_in_the_text(written: str) -> None:
    assert "image-in-text" in {rule for _, rule in found(written)}


def test_a_mark_without_effect_in_a_caption_is_reported() -> None:
    assert [rule for _, rule in found('![a](foto.jpg "Zo *mooi*")')] == ["unused-emphasis"]
    assert [rule for _, rule in found('![a](foto.jpg "Dag {{naam}}")')] == ["merge-tag"]


def test_dividers_and_headings_above_dashes() -> None:
    divider, heading = blocks("---\n\nEen kop\n---\n")
    assert divider == Divider(4)
    assert isinstance(heading, Heading)
    assert (heading.line, heading.underlined) == (6, True)


@pytest.mark.parametrize(
    ("written", "levels"),
    [
        ("# a\n## b\n### c\n# d", [2, 3, 3, 2]),
        ("### a\n## b\n### c", [2, 2, 3]),
        ("###### a\n# b\n###### c", [2, 2, 3]),
        ("# a\n###### b", [2, 3]),
    ],
)
def test_heading_levels_begin_at_two_and_never_skip(written: str, levels: list[int]) -> None:
    made = [block.level for block in blocks(written) if isinstance(block, Heading)]
    assert made == levels
    assert made[0] == 2
    assert all(after - before <= 1 for before, after in pairwise(made))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", [(0, "empty-body")]),
        ("\n\n", [(0, "empty-body")]),
        ("&nbsp;\n", [(0, "empty-body")]),
        ("[a]: https://example.org\n", [(0, "empty-body"), (1, "unused-link")]),
        ("a\n\n<div>\nx\n</div>\n", [(3, "raw-html")]),
        ("a\n\n<!-- later -->\n", [(3, "raw-html")]),
        ("a <b>x</b>\ny <br> z", [(1, "raw-html"), (2, "raw-html")]),
        ("a <!-- x --> b", [(1, "raw-html")]),
        ("a\n\n    code\n", [(3, "code-block")]),
        ("a\n\n```\ncode\n```\n", [(3, "code-block")]),
        ("- a\n\n      code\n", [(3, "code-block")]),
        ("> a\n>\n> - b\n", [(3, "quote-content")]),
        ("> # a\n", [(1, "quote-content")]),
        ("> a\n> > b\n", [(2, "quote-content")]),
        (">\n\na", [(1, "empty-block")]),
        ("##\n\na", [(1, "empty-block")]),
        ("-\n\na", [(1, "empty-block")]),
        ("💡\n", [(1, "empty-block")]),
        ("- a\n  > b\n", [(2, "list-content")]),
        ("- a\n  # b\n", [(2, "list-content")]),
        ("- a\n  - b\n\n  c\n", [(4, "list-content")]),
        ("- a\n  - b\n    - c\n      - d\n", [(4, "list-too-deep")]),
        ("a ![b](https://example.org/a.png)", [(1, "image-in-text")]),
        ("> ![b](https://example.org/a.png)", [(1, "image-in-text")]),
        ("a [![b](https://example.org/a.png)](https://example.org)", [(1, "image-in-text")]),
        ("![](https://example.org/a.png)", [(1, "image-alt")]),
        ("![&nbsp;](https://example.org/a.png)", [(1, "image-alt")]),
        ("![a](//example.org/foto.png)", [(1, "image-address")]),
        ("![a](foto.png){width=half}", [(1, "image-width")]),
        ("![a](foto.png){.breed}", [(1, "image-width")]),
        ("![a](foto.png){width=0}", [(1, "image-width")]),
        ("![a](foto.png){width=521}", [(1, "image-not-wider")]),
        ("![a](mijn foto.png)", [(1, "image-address")]),
        ('[![a](foto (1).png "b"){width=9}](https://example.org)', [(1, "image-address")]),
        ("![a](C:\\foto.png)", [(1, "image-address")]),
        ("![a](file:///foto.png)", [(1, "image-address")]),
        ("![a](http://example.org/foto.png)", [(1, "image-address")]),
        ("![a](data:image/png;base64,AAAA)", [(1, "image-address")]),
        ("![a]()", [(1, "image-address")]),
        ("![a](https://)", [(1, "image-address")]),
        ("a [](https://example.org) b", [(1, "link-label")]),
        ("[](https://example.org)", [(1, "link-label")]),
        ("a [b](https://example.org/een pagina)", [(1, "broken-link")]),
        ("a\n\n[b]: https://example.org", [(3, "unused-link")]),
        ("[b]\n\n[b]: https://example.org\n[b]: https://example.com", [(4, "unused-link")]),
        ("*" * 40 + "a" + "*" * 40, [(1, "nested-too-deep")]),
    ],
)
def test_what_a_letter_may_not_hold_is_reported_with_its_line(
    body: str, expected: list[tuple[int, str]]
) -> None:
    assert found(body) == expected


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "<java&#x73;cript:alert(1)>",
        "vbscript:x",
        "data:text/html,x",
        "file:///etc/passwd",
        "tel:0123",
        "een-pagina/",
        "/een-pagina",
        "//example.org",
        "www.example.org",
        "#kop",
        "",
        "https:",
        "https://",
        "https:/example.org",
        "https:///pad",
        "https://?x",
        "<https://exa mple.org>",
        "https://[::1",
        "https://example.org:999999",
        "mailto:",
        "mailto:anna",
        "anna@example.org",
        "[[unsubscribe_url]]",
        "%recipient.unsubscribe%",
        "{{url}}",
    ],
)
@pytest.mark.parametrize("form", ["a [b]({}) c", "[b]({})", "[b][r]\n\n[r]: {}"])
def test_an_address_that_leads_nowhere_is_an_error(address: str, form: str) -> None:
    draft = read(form.format(address or "<>"))
    assert [(f.line, f.rule) for f in draft.findings] == [(FIRST, "link-address")]
    assert draft.issue is None
    assert "href" not in str(draft.blocks)
    assert not any(isinstance(block, Button | Links) for block in draft.blocks)


@pytest.mark.parametrize(
    "address", ["HTTPS://Example.org", "https://example.org:8080/a?b#c", "https://[::1]/"]
)
def test_an_address_that_a_browser_opens_is_fine(address: str) -> None:
    assert f'href="{address}"' in prose(f"a [b]({address})").html


def test_two_bad_links_on_one_line_are_two_errors() -> None:
    body = "a [b](/een) [c](/twee) [d](/twee)"
    assert found(body) == [(1, "link-address"), (1, "link-address")]


def test_an_http_link_is_a_warning() -> None:
    draft = read("[a](http://example.org/)")
    assert [(f.rule, f.severity) for f in draft.findings] == [("link-insecure", Severity.WARNING)]
    assert draft.issue


def test_a_hundred_thousand_nested_quotes_are_one_error() -> None:
    assert found(">" * 100_000 + " a") == [(1, "quote-content")]
    assert found("- " * 100_000 + "a") == [(1, "list-content")]


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "![",
        "[a](",
        "*a **b_",
        "`",
        "&amp;",
        "<a ",
        "<!--",
        "![](",
        "\\",
        "1. a\n",
        "> a\n",
        "[a]: b\n",
    ],
)
def test_a_file_full_of_markup_is_read_or_reported(piece: str) -> None:
    draft = read(piece * (40_000 // len(piece)))
    assert draft.issue or draft.findings


def test_every_error_of_a_body_is_found_though_the_structure_is_wrong() -> None:
    body = "> - a\n>   > [x](javascript:y) <b>\n\n- - ![](file:foto.png)\n"
    assert {rule for _, rule in found(body)} == {
        "quote-content",
        "link-address",
        "raw-html",
        "list-content",
        "image-in-text",
        "image-address",
        "image-alt",
    }


FAQ = """\
## Veelgestelde vragen over rust

### Moet ik alles loslaten?

Nee.

Een beetje is ook goed.

### Hoe lang duurt het?

- Dat verschilt.
"""


def test_questions_below_their_heading_are_a_faq() -> None:
    heading, faq = blocks(FAQ)
    assert isinstance(heading, Heading)
    assert isinstance(faq, Faq)
    assert faq.line == FIRST + 2
    assert [(item.line - FIRST, item.question.text) for item in faq.items] == [
        (2, "Moet ik alles loslaten?"),
        (8, "Hoe lang duurt het?"),
    ]
    kinds = [[part.kind for part in item.answer] for item in faq.items]
    assert kinds == [["text", "text"], ["list"]]
    assert [part.kind for part in faq.parts] == ["heading", "text", "text", "heading", "list"]


@pytest.mark.parametrize(
    "heading",
    ["FAQ", "Veel gestelde vragen", "Vraag en antwoord", "Frequently asked questions", "❓ FAQ"],
)
def test_the_heading_of_a_faq_may_be_in_any_language(heading: str) -> None:
    assert blocks(f"## {heading}\n### Mag het?\nJa.\n")[1].kind == "faq"


@pytest.mark.parametrize(
    "body",
    [
        FAQ.replace("Veelgestelde vragen over rust", "Over rust"),
        FAQ.replace("Veelgestelde vragen over rust", "Faqir"),
        FAQ.replace("## Veelgestelde", "## Over rust\n\nVeelgestelde"),
        FAQ.replace("?\n", "\n"),
        FAQ.replace("### Moet", "## Tot slot\n\n### Moet"),
    ],
)
def test_headings_elsewhere_and_without_a_question_mark_stay_headings(body: str) -> None:
    assert "faq" not in [block.kind for block in blocks(body)]


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        ("## FAQ\n### Mag het?\n", ["heading", "heading"]),
        ("## FAQ\n### Mag het?\n### Moet het?\nNee.\n", ["heading", "heading", "faq"]),
        ("## FAQ\nInleiding.\n### Mag het?\nJa.\n", ["heading", "text", "faq"]),
        (
            "## FAQ\n### Mag het?\nJa.\n\n> Zo.\n\nEn meer.\n### Moet het?\nNee.\n",
            ["heading", "faq", "quote", "text", "faq"],
        ),
        ("## FAQ\n### Mag het?\nJa.\n## Verder\nTekst.\n", ["heading", "faq", "heading", "text"]),
    ],
)
def test_nothing_beside_questions_and_answers_gets_lost_in_a_faq(
    body: str, kinds: list[str]
) -> None:
    assert [block.kind for block in blocks(body)] == kinds


def test_a_question_of_a_faq_may_end_in_a_link() -> None:
    faq = blocks("## FAQ\n### Wat is [rust?](https://example.org/)\nStilte.\n")[1]
    assert isinstance(faq, Faq)
    assert faq.items[0].question.text == "Wat is rust? [1]"


ASK = """\
Ik ben benieuwd. Wat helpt jou het *meest*?

- [ ] Even naar buiten
- [ ] Opschrijven
  wat er speelt
- [x] Iemand bellen
"""


@pytest.mark.parametrize("body", [ASK, ASK.replace("?\n\n", "?\n"), ASK.replace("- [", "* [")])
def test_a_question_above_boxes_is_asked_of_subscribers(body: str) -> None:
    (ask,) = blocks(body)
    assert isinstance(ask, Ask)
    assert ask.line == FIRST
    assert ask.question.html == "Ik ben benieuwd. Wat helpt jou het <em>meest</em>?"
    assert ask.answers == ("Even naar buiten", "Opschrijven wat er speelt", "Iemand bellen")
    assert read(body).findings == ()


@pytest.mark.parametrize(
    "body",
    [
        ASK.replace("?", "."),
        ASK.replace("?\n", "?\n\nDenk even na.\n"),
        ASK.replace("- [x] ", "- "),
        ASK.replace("Ik ben", "## Ik ben"),
        ASK.replace("- [ ]", "1. [ ]").replace("- [x]", "1. [x]"),
        ASK.replace("- [", "> - ["),
    ],
)
def test_boxes_elsewhere_are_no_answers(body: str) -> None:
    draft = read(body)
    assert "ask" not in [block.kind for block in draft.blocks]
    assert "task-list" in {finding.rule for finding in draft.findings} or "> " in body


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("Hoe is het?\n\n- [ ] Goed\n", "ask-answers"),
        ("Wat neem ik mee?\n\n" + "".join(f"- [ ] Ding {n}\n" for n in range(5)), "ask-answers"),
        ("Hoe is het?\n\n- [ ] Goed\n- [ ] goed\n", "ask-answers"),
        ("Hoe is het?\n\n- [ ] Goed\n- [ ] [Slecht](https://example.org/)\n", "ask-answer"),
        ("Hoe is het?\n\n- [ ] Goed\n- [ ] **Slecht**\n", "ask-answer"),
        ("Hoe is het?\n\n- [ ] Goed\n- [ ]\n", "ask-answer"),
        ("Hoe is het?\n\n- [ ] Goed\n- [ ] Slecht\n\n  Echt.\n", "ask-answer"),
        ("Hoe is het?\n\n- [ ] Goed\n- [ ] Slecht\n  - [ ] Soms\n", "ask-answer"),
        (f"Hoe is het?\n\n- [ ] Goed\n- [ ] {'a' * 30} {'b' * 30}\n", "ask-answer"),
        (ASK + "\nEn jij?\n\n- [ ] Ja\n- [ ] Nee\n", "ask-twice"),
    ],
)
def test_an_ask_that_cannot_be_clicked_on_is_an_error(body: str, rule: str) -> None:
    draft = read(body)
    assert {finding.rule for finding in draft.findings} == {rule}
    assert draft.issue is None
