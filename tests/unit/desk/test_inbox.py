from __future__ import annotations

from newsletter.desk.preview.inbox import first_words, inbox_lines
from newsletter.render import letter
from tests.support.issues import SETTINGS, fill, issue, rich
from tests.support.issues import Text as TextBlock

LONG = "Een onderwerp dat zo lang is dat geen telefoon het in zijn geheel laat zien"


def test_a_long_subject_is_cut_where_each_program_cuts_it() -> None:
    shown = {line.program: line.subject for line in inbox_lines(LONG, "<p>Dag</p>")}
    assert shown["Gmail, phone"] == "Een onderwerp dat zo lang is dat geen t…"
    assert shown["Apple Mail, iPhone"] == "Een onderwerp dat zo lang is dat geen telefoon…"
    assert len(shown["Outlook, Windows"]) <= 60
    assert len(shown["Gmail, browser"]) == 70


def test_a_short_subject_is_whole() -> None:
    assert {line.subject for line in inbox_lines("Rust", "")} == {"Rust"}


def test_the_preheader_ends_where_the_filler_begins() -> None:
    rendered = letter(
        issue(TextBlock(1, rich("De eerste alinea.")), preheader="Wat je hoort"), SETTINGS
    )
    assert first_words(fill(rendered.html)) == "Wat je hoort"


def test_without_a_preheader_programs_show_the_first_words_of_the_letter() -> None:
    rendered = letter(issue(TextBlock(1, rich("De eerste alinea."))), SETTINGS)
    words = first_words(fill(rendered.html))
    assert words.startswith("Jij en Loslaten")
    assert "Dag Anna, De eerste alinea." in words


def test_what_is_no_text_is_not_shown() -> None:
    markup = "<head><title>a</title><style>b</style></head><!-- c --><p>Dag</p><script>d</script>"
    assert first_words(markup) == "Dag"
