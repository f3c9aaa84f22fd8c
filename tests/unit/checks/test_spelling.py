"""Spelling: what is found, what is left alone, and what is suggested."""

from __future__ import annotations

import pytest

from newsletter.checks.dictionary import dictionary, misspellings
from newsletter.checks.spelling import check_doubled, check_spelling, has_dictionary
from newsletter.model import Draft, Finding, Severity
from tests.support.drafts import read

MISTAKES = [
    "niewsbrief",
    "afmeldne",
    "verwachtign",
    "onmidellijk",
    "geïntresseerd",
    "vebinding",
    "rustg",
    "gedachtte",
    "lichaan",
    "spaning",
    "zoizo",
    "helemal",
    "vandaga",
    "keuzze",
    "vragne",
    "lossgelaten",
    "ademhaaling",
    "verwachtingn",
    "betekennis",
    "overtuiggingen",
    "hopenlijk",
    "burgermeester",
    "namenlijk",
    "harstikke",
    "ergenissen",
    "sindskort",
    "voorbeeldt",
    "enigzins",
]

SOUND = [
    "Losgelaten en spanningsvrij: zelfcompassie aan de keukentafel, op een zondagochtend.",
    "De koeienbel hing boven een bloemenzee; de zadenbieb deelt tussenplekken en vakantiestops.",
    "Eén ding is wél zo. Dat dóet je goed, en nú ook: vóór het te laat is.",
    "Op je to-do-lijst staat een standaardstand die vooruitrent en terugveert.",
    "’s Avonds laat zo’n foto van opa’s tuin zien hoe ’t was, met z’n allen.",
    "Voor- en nadelen, in- en uitademen; 24-uurs rust, de 3e dag, 10-daagse stilte.",
    "Schrijf naar anna@example.org of kijk op www.example.org/xqzw en example.org.",
    "Noem het `xqzwoord` of #xqzhashtag of @xqzwie; in het bestand xqzfoto.jpg.",
    'Ze noemde het „xqzwoord” en hij “een xqzding”, en samen "xqziets".',
    "De NAVO en de BTW. Toen kwam Xqzandra binnen, uit Xqzdorp, met de heer Xqz.",
    "Xqzandra lachte. Xqzandra ging weer zitten.",
    "Aaaah, wat heeeerlijk. Mmm!",
    "Сло́во en עברית.",
    "Lees [de tekst](https://xqz.example/xqzw) en <https://example.org/xqzw>.",
    "> Een xqzwoord van een ander.",
]


def draft(body: str, header: str = "subject: Rust") -> Draft:
    return read(f"---\n{header}\n---\n{body}")


def spelling(body: str, *own: str, subject: str = "Rust", language: str = "nl") -> list[Finding]:
    return list(check_spelling(draft(body, f"subject: {subject}"), language, own))


def doubled(body: str) -> list[str]:
    return [finding.message.split('"')[1] for finding in check_doubled(draft(body))]


@pytest.mark.parametrize("word", MISTAKES)
def test_a_mistake_is_found(word: str) -> None:
    (found,) = spelling(f"Vandaag is er {word} in het huis.")
    assert (found.rule, found.severity) == ("spelling", Severity.WARNING)
    assert f'"{word}"' in found.message
    assert "words.txt" in found.fix


@pytest.mark.parametrize("text", SOUND)
def test_what_is_right_or_no_prose_is_left_alone(text: str) -> None:
    assert spelling(f"{text}\n\nEn dat is alles.") == []


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("Een zin.\nEn een vreemd xqzwoord.", 5),
        ("Een zin.\n\n- een\n- twee xqzwoord", 7),
        ("- Waar is het? → Hier.\n- Waar is xqzwoord? → Daar.", 5),
        ("- een\n  1. xqzwoord", 5),
        ("## Een xqzwoord", 4),
        ("💡 Welk xqzwoord helpt?", 4),
        ("Een zin.\n\n[Lees xqzwoord](https://example.org/xqzwoord)", 6),
        ("![Een xqzwoord](https://example.org/a.png)", 4),
        ("Een xqzwoorden.\n\nEen xqzwoord, en weer een xqzwoord.", 6),
        ("## Veelgestelde vragen\n\n### Wat?\n\nEen xqzwoord.", 8),
    ],
)
def test_a_word_is_reported_once_on_its_first_line(body: str, line: int) -> None:
    found = [one for one in spelling(body) if '"xqzwoord"' in one.message]
    assert [one.line for one in found] == [line]


def test_subject_and_preheader_are_checked_too() -> None:
    (found,) = spelling("Een zin.", subject="De vebinding")
    assert found.line == 2
    (found,) = check_spelling(draft("Een zin.", "subject: Rust\npreheader: Wat rustg"), "nl", ())
    assert found.line == 3


def test_a_word_of_the_authors_own_list_is_known_in_any_case() -> None:
    assert spelling("Een xqzwoord en Xqzwoord.", "XQZwoord") == []


def test_a_capital_at_the_start_of_a_sentence_is_a_mistake_only_if_a_word_is_near() -> None:
    (found,) = spelling("Dat is zo. Vertrouwne groeit.")
    assert found.fix.startswith('Did you mean "Vertrouwen"')
    assert found.fix.endswith("? If it is right, add it to words.txt")
    assert spelling("Dat is zo. Xqzandra lacht.") == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [("enigzins", "enigszins"), ("Sindskort", "Sinds kort"), ("kado", "cadeau")],
)
def test_a_frequent_misspelling_has_what_was_meant(written: str, meant: str) -> None:
    (found,) = spelling(f"{written} was het er.")
    assert found.fix.startswith(f'Did you mean "{meant}"?')


def test_the_list_of_misspellings_has_no_word_and_means_only_words() -> None:
    known = dictionary("nl")
    listed = misspellings("nl")
    assert len(listed) > 400
    assert known.known_forms(listed) == frozenset()
    meant = {word for words in listed.values() for word in words.split()} - {"'s"}
    assert meant - known.known(meant) == frozenset()


def test_the_issues_own_words_are_suggested_first() -> None:
    (found,) = spelling("Een lege plek. Dat lekt. De lekk is van mij.")
    assert found.fix.startswith('Did you mean "lekt"')
    (found,) = spelling("Een xqzwwxq.")
    assert found.fix == "Correct it, or add it to words.txt"


def test_english_is_checked_in_both_its_spellings() -> None:
    assert spelling("The colour of a color: realise, realize. Don’t!", language="en") == []
    (found,) = spelling("A calm lettr for you.", language="en-GB")
    assert '"letter"' in found.fix


def test_a_text_in_another_language_is_one_finding() -> None:
    text = "Every morning the quiet water carries whatever you dropped there yesterday evening."
    (found,) = spelling(f"{text}\n\nBreathe slowly, and nothing will happen without you.")
    assert "perhaps not Dutch" in found.message
    assert '"language"' in found.fix


@pytest.mark.parametrize(
    ("language", "has"), [("nl", True), ("nl-BE", True), ("EN-gb", True), ("de", False)]
)
def test_a_language_without_a_dictionary_is_known_as_such(language: str, has: bool) -> None:  # noqa: FBT001
    assert has_dictionary(language) is has


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ga naar naar huis.", ["naar naar"]),
        ("Adem in de\nde tuin.", ["de de"]),
        ("De de tuin.", ["De de"]),
        ("Een *een* tuin.", ["Een een"]),
        ("De man die die dag kwam zei dat dat kon, en je je best deed.", []),
        ("Is het het waard? Heel heel rustig.", []),
        ("Rust. Rust is alles. Nee, nee. Tik tik tik, zei de klok klok klok.", []),
        ("Bora Bora en Baden-Baden.", []),
        ("Stap voor stap voor stap.", []),
    ],
)
def test_a_word_that_stands_there_twice_is_found_unless_it_may(text: str, found: list[str]) -> None:
    assert doubled(text) == found
