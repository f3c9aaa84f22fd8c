"""Every page of the corpus, line by line."""

from __future__ import annotations

import datetime as dt

import pytest

from newsletter.article.page import read_page
from newsletter.model import LineKind
from tests.support.pages.corpus import EXCERPTS, OTHER_SYSTEMS, SYSTEMS, Page, make_pages
from tests.support.pages.expectations import comparable, expected_lines, without_marks

PAGES = make_pages(SYSTEMS + OTHER_SYSTEMS)


def read_lines(sample: Page) -> list[tuple[str, str]]:
    lines = read_page(sample.markup, sample.url).lines
    return [(line.kind.value, comparable(line.text)) for line in lines]


@pytest.mark.parametrize("sample", PAGES, ids=lambda one: one.id)
def test_a_page_gives_its_article_and_nothing_of_its_site(sample: Page) -> None:
    expected = [(kind, comparable(text)) for kind, text in expected_lines(sample)]

    lines = read_lines(sample)
    if sample.system == "handmade":
        # Its day is a line like any other, without a sign that it is one.
        lines = lines[1:]

    assert lines == expected


@pytest.mark.parametrize("sample", PAGES, ids=lambda one: one.id)
def test_a_page_says_its_title_address_day_and_language(sample: Page) -> None:
    article = read_page(sample.markup, sample.url)

    assert article.title == sample.source.title
    assert article.url == sample.url
    assert article.language == ("" if sample.system == "handmade" else "nl")
    if sample.system != "handmade":
        assert article.published == dt.date.fromisoformat(sample.source.date)


@pytest.mark.parametrize("sample", make_pages(), ids=lambda one: one.id)
def test_a_summary_is_marked_as_such_or_stands_in_the_text(sample: Page) -> None:
    article = read_page(sample.markup, sample.url)
    text = " ".join(line.text for line in article.lines)

    if (
        sample.source.lead
        and sample.system in EXCERPTS
        and sample.id != "hugo-vergeven-is-geen-vergeten"
    ):
        assert article.summary == sample.source.lead
    else:
        assert article.summary in text


@pytest.mark.parametrize("sample", PAGES, ids=lambda one: one.id)
def test_the_items_of_one_list_stay_together(sample: Page) -> None:
    lines = read_page(sample.markup, sample.url).lines
    found = [line.text for line in lines if line.kind is LineKind.ITEM]
    groups = {line.text: line.group for line in lines if line.kind is LineKind.ITEM}

    for block in sample.source.blocks:
        if block.kind in {"bullets", "numbers"}:
            outer = [without_marks(text) for text, _ in block.items]
            assert len({groups[text] for text in outer}) == 1
            assert groups[outer[0]] > 0
    assert len(groups) == len(found)
