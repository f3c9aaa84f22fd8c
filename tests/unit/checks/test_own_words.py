"""The author's own words, and the language in which the spelling is checked."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from newsletter.config import Settings
from newsletter.desk.spelling import check_words, read_own_words
from newsletter.errors import NewsletterError
from tests.support.drafts import HEADER, read

if TYPE_CHECKING:
    from pathlib import Path

TEXT = HEADER + "Een xqzwoord en een xqzding, naar naar huis.\n"


def rules(settings: Settings) -> list[str]:
    return [finding.rule for finding in check_words(settings, read(TEXT))]


def test_a_word_of_words_txt_is_known(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path)
    assert rules(settings) == ["doubled-word", "spelling", "spelling"]
    (tmp_path / "words.txt").write_bytes(
        "\ufeff# mijn woorden\r\nXqzwoord  # zo heet het\r\n".encode()
    )
    assert rules(settings) == ["doubled-word", "spelling"]
    assert read_own_words(tmp_path) == {"Xqzwoord"}


@pytest.mark.parametrize("content", [None, b"caf\xe9"])
def test_a_words_txt_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    if content is None:
        (tmp_path / "words.txt").mkdir()
    else:
        (tmp_path / "words.txt").write_bytes(content)
    with pytest.raises(NewsletterError, match=r"words\.txt cannot be read"):
        rules(Settings(root=tmp_path))


def test_a_language_without_a_dictionary_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = replace(Settings(root=tmp_path), language="fy")
    with caplog.at_level(logging.DEBUG, "newsletter"):
        assert rules(settings) == ["doubled-word"]
        assert rules(settings) == ["doubled-word"]
    assert [one.getMessage() for one in caplog.records] == [
        "The spelling is not checked: there is no dictionary of the language fy."
    ]
