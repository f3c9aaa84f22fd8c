from __future__ import annotations

import re
import textwrap
from dataclasses import replace

import pytest

from newsletter.article.text import read_text
from newsletter.model import LineKind
from tests.support.articles import (
    ARTICLE,
    FIRST,
    LEAD,
    OTHER_QUOTES,
    PROMPTS,
    QUESTIONS,
    QUOTE,
    RELATED,
    SECOND,
    URL,
    choose,
    draft,
    findings,
    invented,
)
from tests.support.drafts import read


def kinds(text: str) -> list[tuple[str, str]]:
    return [(line.kind.value, line.text) for line in read_text(text).lines]


def test_pasted_text_becomes_a_whole_draft_of_its_own_words() -> None:
    made = draft(read_text(ARTICLE, URL))
    assert made.text == (
        "---\nsubject: De tuin in november\npreheader: Wat er groeit als je niets doet\n"
        f"article: {URL}\ndraft: yes\n---\n\n{LEAD}\n\n{FIRST}\n\n{SECOND}\n\n> {QUOTE}\n\n"
        f"## Drie vragen bij de hark\n\n- {QUESTIONS[0]}\n- {QUESTIONS[1]}\n- {QUESTIONS[2]}\n\n"
        f"💡 {PROMPTS[0]}\n\n[Lees verder]({URL})\n\n[[Een link naar het artikel “{RELATED}”]]\n"
    )
    assert made.todo == ("related",)
    assert (made.parts.opening, made.parts.questions, made.parts.quotes) == (3, 3, 1)
    assert invented(made.text, ARTICLE) == []


def test_a_draft_without_gaps_has_no_finding() -> None:
    without_related = ARTICLE.replace(f"Lees meer in: {RELATED}. In dat blog", "In een blog")
    made = draft(read_text(without_related, URL))
    assert made.todo == ()
    assert findings(made.text) == ()


def test_runners_up_are_ranked_and_what_people_think_is_no_quote() -> None:
    chosen = choose(read_text(ARTICLE, URL))
    assert [one.text for one in chosen.quotes] == [QUOTE]
    more = ARTICLE.replace(
        f'"{QUOTE}"', "\n\n".join(f'"{one}"' for one in [*OTHER_QUOTES[1:], QUOTE])
    )
    five = [one.text for one in choose(read_text(more, URL)).quotes]
    assert five[0] == QUOTE
    assert sorted(five[1:]) == sorted(OTHER_QUOTES[1:])
    assert chosen.reflections == PROMPTS


def test_a_bullet_of_any_kind_is_an_item() -> None:
    text = "Een regel.\n\n• een\n◦ twee\n– drie\n* vier\n- vijf\n·  zes\n"
    assert [one for one in kinds(text) if one[0] == "item"] == [
        ("item", word) for word in ("een", "twee", "drie", "vier", "vijf", "zes")
    ]
    assert len({line.group for line in read_text(text).lines if line.kind is LineKind.ITEM}) == 1


def test_nbsp_and_hard_hyphen_and_bom_are_common_characters() -> None:
    text = "\ufeffMicro\u2011momenten tellen.\u00a0Wat doe je dan?\u00a0→ Adem\u00adhalen."
    assert kinds(text) == [("item", "Micro-momenten tellen. Wat doe je dan? → Ademhalen.")]


def test_crlf_gives_the_same_draft() -> None:
    assert draft(read_text(ARTICLE.replace("\n", "\r\n"), URL)) == draft(read_text(ARTICLE, URL))


def test_one_newline_between_paragraphs() -> None:
    made = draft(read_text(re.sub(r"\n{2,}", "\n", ARTICLE), URL))
    assert made.text == draft(read_text(ARTICLE, URL)).text


def test_lines_broken_at_a_width_are_joined() -> None:
    wrapped = "\n\n".join(textwrap.fill(part, 72) for part in (LEAD, FIRST, SECOND))
    assert [text for _, text in kinds(wrapped)] == [LEAD, FIRST, SECOND]


def test_numbered_questions_are_seen() -> None:
    numbered = ARTICLE
    for number, question in enumerate(QUESTIONS, start=1):
        numbered = numbered.replace(f"  • {question}", f"{number}. {question}")
    chosen = choose(read_text(numbered))
    assert [f"{one.question} → {one.hint}" for one in chosen.questions] == list(QUESTIONS)
    assert chosen.heading == "Drie vragen bij de hark"


@pytest.mark.parametrize("arrow", ["->", "=>", "➔", "\n→"])
def test_a_hint_may_have_another_arrow_or_a_line_of_its_own(arrow: str) -> None:
    text = ARTICLE.replace("→ ", f"{arrow} ", 3)
    assert len(choose(read_text(text)).questions) == 3


def test_a_lamp_on_a_line_of_its_own_belongs_to_the_next() -> None:
    assert kinds("💡\nWelke hoek mag blijven liggen?") == [
        ("paragraph", "💡 Welke hoek mag blijven liggen?")
    ]


def test_a_single_number_begins_a_heading_and_no_list() -> None:
    text = f"1. Laat liggen\n\n{FIRST}\n\n2. Kijk\n\n{SECOND}"
    assert [kind for kind, _ in kinds(text)] == ["heading", "paragraph", "heading", "paragraph"]


def test_no_opening() -> None:
    items = "\n".join(f"  • {question}" for question in QUESTIONS)
    made = draft(read_text(f"De tuin\n\nDrie vragen\n\n{items}\n", URL))
    assert "[[De eerste alinea's van deze brief]]" in made.text
    assert made.todo[:1] == ("opening",) or "opening" in made.todo


def test_no_questions() -> None:
    text = "\n".join(line for line in ARTICLE.split("\n") if "→" not in line)
    made = draft(read_text(text.replace("Drie vragen bij de hark", ""), URL))
    assert (made.parts.questions, "##" in made.text) == (0, False)
    assert invented(made.text, ARTICLE) == []


def test_no_quote_and_no_lamp() -> None:
    text = "\n".join(line for line in ARTICLE.split("\n") if not line.startswith(('"', "💡")))
    made = draft(read_text(text, URL))
    assert invented(made.text, ARTICLE) == []
    assert made.parts.quotes == 1  # a sentence that its author lets stand alone


def test_five_quotes() -> None:
    quotes = "\n\n".join(f'"{one}"' for one in [*OTHER_QUOTES, QUOTE])
    made = draft(read_text(f"De tuin\n\n{LEAD}\n\n{quotes}\n", URL))
    assert made.text.count("\n> ") == 1
    assert f"> {QUOTE}\n" in made.text


def test_a_table_is_a_gap_and_no_opening() -> None:
    table = "Maand\tWerk\nNovember\tGeen\nMaart\tHarken"
    made = draft(read_text(f"De tuin in de maanden\n\n{LEAD}\n\n{table}\n\n{FIRST}\n", URL))
    assert "[[Hier stond iets van je site: een tabel]]" in made.text
    assert "Maart" not in made.text


def test_right_to_left() -> None:
    text = "حديقتي في نوفمبر\n\n" + "هذا نص طويل عن الحديقة والهدوء فيها. " * 12
    made = draft(read_text(text, URL))
    assert "subject: حديقتي في نوفمبر\n" in made.text
    assert invented(made.text, text) == []


def test_empty() -> None:
    assert read_text("").lines == ()
    assert draft(read_text(" \n\n\t\n")).todo == (
        "subject", "preheader", "opening", "quote", "reflection", "button",
    )  # fmt: skip


def test_one_line() -> None:
    assert kinds("Een losse regel zonder punt") == [("heading", "Een losse regel zonder punt")]


def test_400_kb_of_text() -> None:
    text = ARTICLE + ("\n\n" + SECOND * 3) * 900
    assert len(text) > 400_000
    made = draft(read_text(text, URL))
    assert invented(made.text, text) == []


def test_400_kb_on_one_line() -> None:
    text = "De tuin\n\n" + SECOND.replace(". ", ", ") * 2500
    made = draft(read_text(text, URL))
    assert invented(made.text, text) == []


def test_marks_of_markdown_and_templates_in_the_text_are_words() -> None:
    opening = (
        "In de tuin van [[Wikipedia]] staat {{ naam }} op *alle* bordjes, met a_b en _c_ en <b> "
        "en `code` en 3 < 4 en *|FNAME|* en %%x%% erbij, want iemand vond dat ~~leuk~~ ooit. "
        "Op https://example.org/pad_a/ staat er meer over, met ==nadruk== en :smile: ook."
    )
    made = draft(read_text(f"Bordjes\n\n{opening}\n\n{FIRST}\n\n{SECOND}\n", URL))
    found = [(one.rule, one.message) for one in findings(made.text) if one.line < 10]
    assert found == []
    assert (
        invented(
            made.text.replace("<https", "https").replace("a/>", "a/"), opening + ARTICLE + "Bordjes"
        )
        == []
    )


def test_a_paragraph_that_begins_like_a_mark_is_a_paragraph() -> None:
    for start in ("1986. ", "# ", "> ", "+ ", "- ", "=== ", "~~~ ", "12) "):
        text = f"Jaren\n\n{LEAD}\n\nx {FIRST}\n"
        article = read_text(text, URL)
        lines = tuple(
            replace(line, text=line.text.replace("x Elk", f"{start}Elk")) for line in article.lines
        )
        found = findings(draft(replace(article, lines=lines)).text)
        assert [one.rule for one in found if one.rule != "gap"] == [], start


@pytest.mark.parametrize(
    ("title", "subject"),
    [
        ('"De tuin rust"', '"\\"De tuin rust\\""'),
        ("De tuin: een handleiding", "De tuin: een handleiding"),
        ("[De tuin]", '"[De tuin]"'),
        ("Zo'n tuin van 'vroeger'", "Zo'n tuin van 'vroeger'"),
    ],
)
def test_a_title_with_quotes_or_a_colon_is_read_back(title: str, subject: str) -> None:
    made = draft(
        read_text(
            f'{title}\n\n{LEAD}\n\n{FIRST}\n\n{SECOND}\n\n"{QUOTE}"\n\n"{OTHER_QUOTES[3]}"\n\n'
            f"💡 {PROMPTS[0]}\n",
            URL,
        )
    )
    assert f"subject: {subject}\n" in made.text
    issue = read(made.text, "2026-12-06-x.md").issue
    assert issue
    assert issue.subject == title


def test_a_title_of_only_emoji_is_no_subject() -> None:
    made = draft(read_text(f"🌿🌿\n\n{LEAD}\n\n{FIRST}\n", URL))
    assert "subject" in made.todo


def test_the_label_of_a_summary_is_not_part_of_its_sentence() -> None:
    made = draft(read_text(ARTICLE.replace(LEAD, f"In het kort: {LEAD[0].lower()}{LEAD[1:]}"), URL))
    assert LEAD in made.text
    assert "In het kort" not in made.text


@pytest.mark.parametrize(
    "weak",
    [
        "Dat had ik in die maanden in de tuin nog nooit op deze manier gezien.",
        "Sommige mensen in de straat vinden dat een tuin in november leeg hoort te zijn.",
        "Een tuin zonder blad is een tafel zonder brood, zegt mijn vriend dan altijd.",
    ],
)
def test_what_others_say_or_points_back_is_no_first_choice(weak: str) -> None:
    more = ARTICLE.replace(f'"{QUOTE}"', f'"{weak}"\n\n"{OTHER_QUOTES[2]}"')
    chosen = choose(read_text(more, URL))
    assert chosen.quotes[0].text == OTHER_QUOTES[2]
    assert weak in [one.text for one in chosen.quotes]
    assert chosen.preheaders[0] != weak


def test_a_preheader_repeats_no_sentence_of_the_opening() -> None:
    text = ARTICLE.replace("Wat er groeit als je niets doet\n", "")
    chosen = choose(read_text(text, URL))
    opening = " ".join(line.text for line in chosen.opening)
    assert chosen.preheaders
    assert [one for one in chosen.preheaders if one in opening] == []
