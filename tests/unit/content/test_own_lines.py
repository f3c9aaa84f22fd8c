"""What stands directly below a list, a quote or a paragraph is never swallowed in silence."""

from __future__ import annotations

import pytest

from tests.support.drafts import HEADER, in_body, read

URL = "https://example.org/a"


def kinds(body: str) -> list[str]:
    return [block.kind for block in read(HEADER + body).blocks]


@pytest.mark.parametrize(
    ("body", "blocks"),
    [
        (
            f"- Waar? → Hier.\n- Wat? → Dat.\n💡 Welke?\n[Lees verder]({URL})",
            ["questions", "reflection", "button"],
        ),
        ("- een\n- twee\n💡 Welke?", ["list", "reflection"]),
        ("1. een\n2. twee\n💡 Welke?", ["list", "reflection"]),
        ("- een\n  - twee\n💡 Welke?", ["list", "reflection"]),
        ("> Een citaat.\n💡 Welke?", ["quote", "reflection"]),
        ("Een zin zonder einde\n💡 Welke?", ["text", "reflection"]),
        ("## Kop\n💡 Welke?", ["heading", "reflection"]),
        ("💡 Eerste?\n💡 Tweede?", ["reflection", "reflection"]),
        ("💡 Eerste\nregel.", ["reflection"]),
        ("💡\nWat zie je?", ["reflection"]),
        (f"- een\n- twee\n[Lees verder]({URL})", ["list", "button"]),
        (f"- een\n- twee\n**[Lees verder]({URL})**", ["list", "button"]),
        (f"> Een citaat\n[Lees verder]({URL})", ["quote", "button"]),
        (f"> Een citaat\n<{URL}>", ["quote", "button"]),
        (f"Een zin.\n[Lees verder]({URL})", ["text", "button"]),
        (f"Een zin:\n[Lees verder]({URL})\n\nNog een.", ["text", "button", "text"]),
        (f"[Lees verder]({URL})\nTot volgende week.", ["button", "text"]),
        (f"💡 Welke?\n[Lees verder]({URL})", ["reflection", "button"]),
        (f"[Lees verder]({URL})\n---\n", ["button", "divider"]),
        ("- een\n> Een citaat", ["list", "quote"]),
        ("Een zin\n> Een citaat", ["text", "quote"]),
        ("> Een citaat\n- een", ["quote", "list"]),
        ("> Een citaat\n## Kop", ["quote", "heading"]),
        ("> Een citaat\n\nEen zin.", ["quote", "text"]),
        (f"Een zin\n![Een pad]({URL}.png)\nNog een zin.", ["text", "image", "text"]),
        (f"- een\n![Een pad]({URL}.png)", ["list", "image"]),
        # A sentence that was wrapped by hand round a link stays one paragraph.
        (f"Lees ook eens\n[het boek]({URL})\nvan mijn oma.", ["text"]),
        (f"Lees ook eens\n[het boek]({URL})", ["text"]),
        (f"[Het boek]({URL})\nis mooi.", ["text"]),
        (f"Een zin.\\\n[Lees verder]({URL})", ["text"]),
        (f"Een zin.  \n[Lees verder]({URL})", ["text"]),
        (f"- een zin\n  [het boek]({URL})\n  is mooi", ["list"]),
        (f"Een zin. [Lees verder]({URL})", ["text"]),
        ("Een lamp\ngaat 💡 aan.", ["text"]),
    ],
)
def test_a_line_that_can_only_be_a_block_is_one(body: str, blocks: list[str]) -> None:
    assert kinds(body) == blocks
    assert in_body(body) == []


def test_blocks_keep_their_lines() -> None:
    body = f"- Waar? → Hier.\n- Wat? → Dat.\n💡 Welke?\n[Lees verder]({URL})"
    assert [block.line for block in read(HEADER + body).blocks] == [4, 6, 7]


@pytest.mark.parametrize(
    ("body", "line", "rule"),
    [
        ("- brood\n- melk\nDaarna ging ik naar huis.", 3, "lazy-line"),
        ("- brood\n- melk\nen toen ging ik.", 3, "lazy-line"),
        ("1. brood\n2. melk\nDaarna ging ik naar huis.", 3, "lazy-line"),
        ("- brood\n  - melk\nDaarna ging ik naar huis.", 3, "lazy-line"),
        ("> Een citaat.\nGewone tekst eronder.", 2, "lazy-line"),
        ("> Een citaat.\n> Nog een regel.\nGewone tekst eronder.", 3, "lazy-line"),
        ("- Waar? → Hier.\nDaarna ging ik naar huis.", 2, "lazy-line"),
        ("- een\n  💡 Welke?\n", 2, "list-content"),
        ("> Een citaat\n> 💡 Welke?\n", 2, "quote-content"),
        ("Een zin.\n2. Tweede\n3. Derde", 2, "almost-list"),
        ("Zoals:\n– een", 2, "almost-list"),
        ("Een hele zin hier.\n---", 1, "text-above-dashes"),
        ("Een hele zin hier.\n=====", 1, "text-above-dashes"),
        ("💡 Welke?\n---", 1, "text-above-dashes"),
        ("Een zin\n    - punt", 2, "almost-list"),
    ],
)
def test_what_markdown_joins_or_changes_is_reported(body: str, line: int, rule: str) -> None:
    assert in_body(body) == [(line, rule)]


@pytest.mark.parametrize(
    "body",
    [
        "- een lang punt dat met de hand is afgebroken omdat het\nniet op één regel paste",
        "> Een lang citaat dat met de hand is afgebroken omdat het\nniet op één regel paste.",
        "> Een citaat.\n— Een buurvrouw",
        "- een punt\n  dat doorgaat",
        "1. een punt\n   dat doorgaat",
        "- een\n\n  Nog een alinea.",
        "- een\n\nNog een alinea.",
    ],
)
def test_a_line_that_was_wrapped_by_hand_raises_no_alarm(body: str) -> None:
    assert in_body(body) == []


@pytest.mark.parametrize("arrow", ["→", "->", " -> ", " → "])
def test_both_arrows_make_questions(arrow: str) -> None:
    body = f"- Waar voel je *dat*?{arrow}In je **schouders**.\n- Wat nu? → Rust."
    (block,) = read(HEADER + body).blocks
    assert block.kind == "questions"
    assert block.items[0].question.html == "Waar voel je <em>dat</em>?"
    assert block.items[0].hint.html == "In je <strong>schouders</strong>."
    assert block.items[0].hint.source == "In je **schouders**."
