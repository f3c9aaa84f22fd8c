"""The words that are kept from one build to the next: the same as if they were found anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from newsletter.archive import word_cache
from newsletter.archive.analysis import analyse
from newsletter.archive.search_documents import document_of
from newsletter.archive.word_cache import WordCache
from tests.support.published import weekly

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = [document_of(issue) for issue in weekly(3)]


def fill(file: Path) -> None:
    cache = WordCache(file, "code")
    for document in DOCUMENTS:
        cache.words(document)
    cache.write()


def test_what_is_kept_is_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "words.json"
    fill(file)
    monkeypatch.delattr(word_cache, "analyse")
    cache = WordCache(file, "code")
    for document in DOCUMENTS:
        assert tuple(cache.words(document)) == analyse(document)
    with pytest.raises(NameError):  # of another program, it would be found anew
        WordCache(file, "other code").words(DOCUMENTS[0])


def test_words_of_a_text_that_is_gone_are_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "words.json"
    fill(file)
    cache = WordCache(file, "code")
    cache.words(DOCUMENTS[0])
    cache.write()
    assert len(json.loads(file.read_text("utf-8"))["issues"]) == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"code": "code"}', '{"code": "code", "issues": 1}']
)
def test_what_cannot_be_read_is_found_anew(text: str, tmp_path: Path) -> None:
    file = tmp_path / "words.json"
    file.write_text(text, encoding="utf-8")
    assert tuple(WordCache(file, "code").words(DOCUMENTS[0])) == analyse(DOCUMENTS[0])


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    fill(tmp_path / "nowhere" / "words.json")
    assert list(tmp_path.iterdir()) == []
