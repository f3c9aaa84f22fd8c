from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from newsletter.changed_text import find_changes
from newsletter.model import Correction
from tests.support.drafts import read
from tests.support.issues import every_block
from tests.support.published import published

if TYPE_CHECKING:
    from newsletter.model import Block, ChangedLine

HEAD = "---\nsubject: {subject}\n---\n"
NAME = "2026-11-29-rust.md"


def changes(old: str, new: str, *, subject: str = "Rust", later: str = "Rust") -> list[str]:
    """Return what differs between two bodies, as lines."""

    def text(body: str, subject: str) -> tuple[str, str, tuple[Block, ...]]:
        draft = read(f"{HEAD.format(subject=subject)}{body}\n".encode(), NAME)
        return subject, "", draft.blocks

    return list(map(str, find_changes(text(old, subject), text(new, later))))


def test_only_the_sentences_that_differ_are_shown() -> None:
    old = "Eerst dit. Dan op dinsdag. En “dit.” Tot slot."
    new = "Eerst dit. Dan op woensdag. En “dit.” Tot slot."
    assert changes(old, new) == ["- Dan op dinsdag.", "+ Dan op woensdag."]
    assert changes(old, old) == []
    assert changes(old, f"{old}\n\nEn nog iets.") == ["+ En nog iets."]
    assert changes(f"{old}\n\nWeg ermee.", old) == ["- Weg ermee."]
    assert changes(old, old, later="Onrust") == ["- subject: Rust", "+ subject: Onrust"]


def test_marks_are_no_words_and_another_address_is_a_change() -> None:
    assert changes("Een *zacht* woord & meer.", "Een zacht woord & meer.") == []
    assert changes("Lees [dit](https://a.example).", "Lees [dit](https://b.example).") == [
        "- https://a.example",
        "+ https://b.example",
    ]
    assert changes("[Lees](https://a.example)", "[Lees](https://b.example)") == [
        "- https://a.example",
        "+ https://b.example",
    ]


def test_every_kind_of_block_has_its_words_compared() -> None:
    old, new = every_block("woorden").blocks, every_block("letters").blocks
    assert {one.kind for one in old} >= {"faq", "questions", "quote", "list", "image"}
    for before, after in zip(old, new, strict=True):
        found = find_changes(("", "", (before,)), ("", "", (after,)))
        assert bool(found) == ("woorden" in str(before)), before.kind


def test_a_text_that_is_all_new_is_shown_in_part() -> None:
    old = " ".join(f"Oud {number}." for number in range(40))
    found = changes(old, "Nieuw. " + "x" * 1000)
    assert len(found) == 25
    assert found[-1] == "+ …"
    (gone, added) = changes("Kort.", "x" * 1000)
    assert (gone, len(added)) == ("- Kort.", 302)


def test_what_is_kept_as_text_is_read_back() -> None:
    found: tuple[ChangedLine, ...] = find_changes(("- a", "", ()), ("+ b\u2028c", "", ()))
    edition = replace(published().edition, change="\n".join(one.encode() for one in found))
    assert edition.changes == found
    assert Correction(1, edition.at, edition.change).added == ("+ b c",)
    assert Correction(1, edition.at, "").added == ()
