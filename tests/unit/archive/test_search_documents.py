"""What the search reads of an issue."""

from __future__ import annotations

from newsletter.archive.search_documents import document_of
from newsletter.model import (
    Button,
    Faq,
    FaqItem,
    Image,
    ItemList,
    Link,
    Links,
    ListItem,
    Question,
    Questions,
    Quote,
    Reflection,
    RichText,
    Text,
)
from tests.support.issues import rich
from tests.support.published import published

BELOW = ItemList(5, ordered=False, start=1, items=(ListItem((rich("Onder"),)),))
BLOCKS = (
    Text(1, RichText("Eén &amp; <em>twee</em>.<br>Drie", "", "")),
    Quote(2, (rich("Een citaat."), rich("Nog een."))),
    Reflection(3, rich("Wat nu?")),
    Questions(4, (Question(rich("Waar?"), rich("Hier.")),)),
    ItemList(5, ordered=False, start=1, items=(ListItem((rich("Boven"),), BELOW),)),
    Faq(6, (FaqItem(6, rich("Waarom?"), (Text(7, rich("Daarom.")),)),)),
    Image(8, "media/a.jpg", "Een stoel", "Een bijschrift"),
    Button(9, Link("Lees verder", "https://example.org/")),
    Links(10, (Link("Meer", "https://example.org/meer"),)),
)


def test_every_text_is_read_in_order_and_no_link() -> None:
    found = document_of(published(blocks=BLOCKS, themes=["rust"]))
    assert found.sentences == (
        *("Eén & twee.", "Drie", "Een citaat.", "Nog een.", "Wat nu?", "Waar?", "Hier."),
        *("Boven", "Onder", "Waarom?", "Daarom.", "Een bijschrift"),
    )
    assert (found.title, found.preheader) == ("De weg naar rust", "Even niets")
    assert (found.themes, found.day.isoformat()) == (("rust",), "2026-11-29")
