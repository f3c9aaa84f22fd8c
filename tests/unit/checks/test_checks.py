"""The rules about what an author probably did not mean."""

from __future__ import annotations

from datetime import time
from zoneinfo import ZoneInfo

import pytest

from newsletter import checks, content
from newsletter.checks.registry import Hit, rule
from newsletter.model import Finding, Severity
from tests.support.drafts import read


def found_all(body: str) -> tuple[Finding, ...]:
    draft = content.read(
        f"---\nsubject: Rust\n---\n{body}".encode(),
        name="2026-11-29-rust.md",
        path="issues/2026-11-29-rust.md",
        zone=ZoneInfo("Europe/Amsterdam"),
        send_clock=time(7),
    )
    return checks.check(draft)


def found(body: str) -> list[tuple[int, str]]:
    found = found_all(body)
    return [(one.line - 3, one.rule) for one in found if one.severity is not Severity.HINT]


@pytest.mark.parametrize(
    ("body", "line", "rule_id"),
    [
        ("Een zin.\n---\n\nNog een.", 1, "text-above-dashes"),
        ("a\n\nTwee regels\nboven streepjes\n-\n", 3, "text-above-dashes"),
        ("• een\n• twee\n• drie", 1, "pasted-bullets"),
        ("Zoals:\n  • een\n  • twee", 2, "pasted-bullets"),
        ("• een\n\n• twee\n\n• drie", 1, "pasted-bullets"),
        ("Zoals:\n\n◦ een", 3, "pasted-bullets"),
        ("▪\teen", 1, "pasted-bullets"),
        ("· een", 1, "pasted-bullets"),
        ("•een", 1, "pasted-bullets"),
        ("## FAQ\n\n### Mag het?\n\n• ja\n• nee", 5, "pasted-bullets"),
        ("Vraag:\n\n- Een? → Hint.\n- Twee?", 3, "almost-questions"),
        ("- Een? => Hint.\n- Twee? => Hint.", 1, "almost-questions"),
        ("1. Waar *dan*? →\n2. Hoe? → Zo.", 1, "almost-questions"),
        ('a\n\n"Rust begint vanbinnen."', 3, "quoted-paragraph"),
        ("“Rust begint\nvanbinnen.”", 1, "quoted-paragraph"),
        ("„Rust begint vanbinnen.”", 1, "quoted-paragraph"),
        ("„Rust begint vanbinnen.“", 1, "quoted-paragraph"),
        ("‘Zo’n dag heeft rust.’", 1, "quoted-paragraph"),
        ("'Zo'n dag heeft rust'.", 1, "quoted-paragraph"),
        ("«Rust begint vanbinnen.»", 1, "quoted-paragraph"),
        ('*"Rust begint vanbinnen."*', 1, "quoted-paragraph"),
        ("Tekst.\n\nGroet,\n\nGerrit", 3, "own-signature"),
        ("Tekst.\n\nGroet,\nGerrit", 3, "own-signature"),
        ("Tekst.\nGroet, Gerrit", 2, "own-signature"),
        (
            "Tekst.\n\nGroeten,\n\nGerrit\n\nPS Nog iets.\n\n[x](https://example.org)",
            3,
            "own-signature",
        ),
        ("Tekst.\n\nHartelijke groet,\\\nGerrit", 3, "own-signature"),
        ("Tekst.\n\nEen groet", 3, "own-signature"),
        ("Tekst.\n\nMet vriendelijke groet,", 3, "own-signature"),
        ("Tekst.\n\nMet een warme groet", 3, "own-signature"),
        ("Tekst.\n\nVeel liefs, Gerrit van der Berg", 3, "own-signature"),
        ("Tekst.\n\nLiefs\n\nGerrit", 3, "own-signature"),
        ("Tekst.\n\nTot volgende week,\n\nGerrit", 3, "own-signature"),
        ("Tekst.\n\nMet een hartelijke groet", 3, "own-signature"),
        ("Text.\n\nKind regards,\nGerrit", 3, "own-signature"),
        ("Text.\n\nWith best wishes, Gerrit", 3, "own-signature"),
        ("Text.\n\nLots of love,\nGerrit", 3, "own-signature"),
        ("Tekst.\n\nTot volgende week, en geniet!\n\nMarleen", 3, "own-signature"),
        ("Tekst.\n\nTot volgende week.\nMarleen de Wit", 3, "own-signature"),
        ("Text.\n\nUntil next week!\n\nMary Ann", 3, "own-signature"),
        (
            "Je leest deze mail in je browser? Bekijk deze nieuwsbrief online.",
            1,
            "template-leftover",
        ),
        ("Tekst.\n\nAfmelden", 3, "template-leftover"),
        ("Text.\n\nUnsubscribe | Update your preferences", 3, "template-leftover"),
        ("Zeker, hieronder vind je een herschreven versie van je tekst.", 1, "chatbot-answer"),
        ("Hier is een verbeterde versie van jouw artikel:\n\nTekst.", 1, "chatbot-answer"),
        ("Sure! Here's a shorter draft of your email:\n\nText.", 1, "chatbot-answer"),
        ("Tekst.\n\nWil je dat ik de toon nog iets aanpas?", 3, "chatbot-answer"),
        ("Als AI-taalmodel heb ik geen mening.", 1, "chatbot-answer"),
        ("Op zondag 30 november 2026 is het feest.", 1, "weekday-date"),
        ("Zondag 30 november 2026 10.00 uur: het feest.", 1, "weekday-date"),
        ("On Saturday, May 16, 2027, we meet.", 1, "weekday-date"),
        ("On Saturday 16th of May 2027 we meet.", 1, "weekday-date"),
        ("Op woensdag 31 november 2026 is het feest.", 1, "weekday-date"),
        ("Hij heeft ver- trouwen in mij.", 1, "hyphenated-word"),
        ("Een lange zin over het aller-\nlaatste restje koffie.", 1, "hyphenated-word"),
        ("Hoi en welkom!\n\nTekst.", 1, "own-greeting"),
        ("Beste en lieve lezers,\n\nTekst.", 1, "own-greeting"),
        ("Dear all,\n\nText.", 1, "own-greeting"),
        ("Dag,\n\nTekst.", 1, "own-greeting"),
        ("Beste lezer,\n\nTekst.", 1, "own-greeting"),
        ("Hoi allemaal!\nTekst.", 1, "own-greeting"),
        ("Lieve allemaal,\n\nTekst.", 1, "own-greeting"),
        ("![a](https://example.org/a.png)\n\nGoedemorgen!\n\nTekst.", 3, "own-greeting"),
        ("Goedenavond lieve mensen,\n\nTekst.", 1, "own-greeting"),
    ],
)
def test_a_rule_finds_what_it_is_for(body: str, line: int, rule_id: str) -> None:
    assert found(body) == [(line, rule_id)]


@pytest.mark.parametrize(
    "body",
    [
        "## Een kop\n\n---\n\nTekst.\n\nEen kop\n===\n",
        "- een\n- twee",
        "Een zin • met een punt · erin.",
        '"Ja," zei hij, "dat is goed."',
        '"Rust" is een woord, net als "ruimte"',
        "‘Aan’ staan, en dan ‘uit’",
        "'s Avonds komt de rust, 's ochtends niet'",
        '> "Rust begint vanbinnen."',
        '"',
        '""',
        "Tekst.\n\nDoe ze de groeten!",
        "Text.\n\nHere are the wishes.",
        "Text.\n\nChoose love.",
        "Text.\n\nWe love Paris",
        "Text.\n\nLove Paris in the spring",
        "- How-to guide → link\n- Wandelen",
        "- What's new -> below\n- Wandelen",
        "Dag na dag loop ik langs het water.",
        "Dag na dag,\nweek na week.",
        "Dag en nacht, en dan weer dag.",
        "Beste lezer, vandaag wil ik iets met je delen.",
        "Hallo zeggen tegen jezelf is moeilijk!",
        "Lieve woorden helpen.",
        "Tekst.\n\nHoi allemaal!",
        "Groeten doen we met een glimlach.",
        "Groet, en loop weer verder.",
        "Liefs is een mooi woord.",
        "Tot volgende week!",
        "Met vriendelijke groeten kom je ver.",
        "Tot volgende week!\n\nDe foto is van mijn zus",
        "Tot slot nog iets.\n\nDe rest lees je later.",
        "Je kunt je altijd uitschrijven, onderaan de brief.",
        "Zeker! Hier is het recept van mijn moeder.",
        "Natuurlijk. Hier is elke versie van het verhaal welkom.",
        "Hier is een foto van mijn tuin.",
        "Als je in je huis nog iets wilt aanpassen, wacht dan niet.",
        "Na verdere aanpassingen was de schuur droog.",
        "Wil je dat ik de tekst van het lied stuur?",
        "Half- om halfbrood, zee- dan wel bergvakantie.",
        "Wil je dat ik meer over de tuin schrijf?",
        "Op maandag 30 november 2026 is het feest.",
        "Op zaterdag 16 mei 1992 trouwden wij.",
        "Kom woensdag 2 december langs.",
        "Dat was op dinsdag 2 december, in 1997.",
        "Ik stond op zondag 16 mei voor de deur.",
        "Open op zon- en feestdagen, of voor- of namiddag.",
        "Er zijn man- en vrouwkoren.",
        "Hij wacht - vol vertrouwen - op de trein.",
        "Groet,\n\n" + "Tekst.\n\n" * 6,
        (
            "De buurman riep over de heg een vriendelijke en ook wel wat luide\n"
            "groet\nen liep toen weer verder naar zijn eigen huis aan het eind van de straat,\n"
            "waar de kat op hem wachtte met een blik die niets goeds voorspelde, zoals\n"
            "altijd op zondag."
        ),
    ],
)
def test_ordinary_prose_raises_no_alarm(body: str) -> None:
    assert found(body) == []


@pytest.mark.parametrize(
    "body",
    [
        "Kom dinsdag 2 december langs.",
        "Come on Tuesday, December 2nd.",
        "Zondag 20 december om 10 uur, of dinsdag 22 december. Kom vrijdag 26 december 14 uur.",
        "We eten op zaterdag 10 januari samen.",
    ],
)
def test_a_day_of_the_week_without_a_year_is_a_hint(body: str) -> None:
    assert [one.severity for one in found_all(body) if one.rule == "weekday-date"] == ["hint"]


@pytest.mark.parametrize(
    ("body", "hints"),
    [
        ("Op zaterdag 21 november 2026 lopen we naar zee. Meld je aan.", ["date-past"]),
        ("## Loop je mee?\n\nWe lopen op 21 november 2026.", ["date-past"]),
        ("Join us on November 21, 2026, at noon.", ["date-past"]),
        ("Op 21 november 2026 liepen we naar zee. Meld je aan voor de volgende keer.", []),
        ("Op 21 november 2026 wandelden we naar zee. Loop je mee?", []),
        ("Op 5 december 2026 lopen we naar zee. Meld je aan.", []),
        ("Het boek is van 21 november 2026.", []),
        ("## Toen\n\nDat is van 21 november 2026.\n\n## Loop je mee?\n\nMorgen.", []),
        ("Doe mee: sinds 3 mei 2019 zwemmen we elke week.", []),
    ],
)
def test_an_invitation_for_a_day_that_is_past_is_a_hint(body: str, hints: list[str]) -> None:
    assert [one.rule for one in found_all(body) if one.rule.endswith("-past")] == hints


def test_findings_of_reading_and_of_rules_come_together_by_line() -> None:
    assert found("• een\n\n<b>twee</b>\n\nKop\n---\n") == [
        (1, "pasted-bullets"),
        (3, "raw-html"),
        (5, "text-above-dashes"),
    ]


def test_every_rule_has_an_id_of_its_own_and_a_one_line_description() -> None:
    assert not set(checks.RULES) & set(content.READING_RULES)
    for rule_id, registered in checks.RULES.items():
        assert registered.id == rule_id
    for summary in checks.all_rules().values():
        assert summary.text.endswith(".")
        assert "\n" not in summary.text


def test_a_rule_with_the_id_of_another_is_refused() -> None:
    with pytest.raises(ValueError, match="pasted-bullets"):

        @rule("pasted-bullets", Severity.WARNING)
        def again(draft: object) -> list[Hit]:  # noqa: ARG001
            """Say it again."""
            return []


def test_a_weekday_is_named_in_english_and_sought_in_the_inbox_too() -> None:
    head = "---\nsubject: Op zondag 30 november 2026\npreheader: Een zin\n---\n"
    (one,) = checks.check(read(f"{head}Een gewone zin.\n\nNog een gewone zin.\n"))
    assert (one.line, one.rule) == (2, "weekday-date")
    assert one.message.endswith("2026-11-30 is a Monday")


def test_every_note_of_a_paragraph_is_found() -> None:
    body = "Een zin. TODO: de rest. Lorem ipsum dolor sit amet.\n"
    notes = [one.message for one in found_all(body) if one.rule == "leftover-note"]
    assert [note.split('"')[1] for note in notes] == ["TODO", "Lorem ipsum"]
