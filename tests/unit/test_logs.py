"""Logging of the command line: levels, the form of a line, and what no line shows."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import pytest

from newsletter import tokens
from newsletter.cli.logs import configure_logging, hide_personal_data

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = logging.getLogger("newsletter.delivery.sender")
TOKEN = tokens.unsubscribe_token("a key", "0" * 32, "1" * 32)


@pytest.fixture(autouse=True)
def _logger() -> Iterator[None]:
    logger = logging.getLogger("newsletter")
    before = logger.level, list(logger.handlers)
    yield
    logger.setLevel(before[0])
    logger.handlers[:] = before[1]


def log_all_levels() -> None:
    LOG.debug("detail")
    LOG.info("remark")
    LOG.warning("surprise")


@pytest.mark.parametrize(
    ("verbosity", "printed"),
    [
        (-1, "warning: surprise\n"),
        (0, "remark\nwarning: surprise\n"),
        (1, "detail\nremark\nwarning: surprise\n"),
    ],
)
def test_verbosity_chooses_the_level(
    verbosity: int, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(verbosity)
    configure_logging(verbosity)  # as a command within a command does
    log_all_levels()
    assert capsys.readouterr() == ("", printed)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no letter to anna@example.org today", "no letter to (an address) today"),
        ('refused: "Anna <anna@example.org>"', 'refused: "Anna <(an address)>"'),
        (f"GET /u/{TOKEN}?x=1", "GET /u/(a token)?x=1"),
        ("2026-11-29-rust: 1,200 letters", "2026-11-29-rust: 1,200 letters"),
        ("@property", "@property"),
    ],
)
def test_addresses_and_tokens_are_hidden(text: str, shown: str) -> None:
    assert hide_personal_data(text) == shown


def test_arguments_and_tracebacks_show_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(1)
    error = ValueError(f"anna@example.org has {TOKEN}")
    LOG.debug("cannot mail %s", "bram@example.org", exc_info=error)
    printed = capsys.readouterr().err
    assert "ValueError: (an address) has (a token)" in printed
    assert "@example" not in printed
    assert TOKEN not in printed


@pytest.mark.parametrize("text", ["a" * 300_000, "a@" * 150_000, "a." * 150_000, "-" * 300_000])
def test_a_long_line_costs_as_much_as_it_is_long(text: str) -> None:
    began = time.process_time()
    hide_personal_data(text)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("closed")])
def test_a_log_that_cannot_be_written_stops_nothing(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    class Full:
        def write(self, text: str) -> None:
            tried.append(text)
            raise error

    configure_logging(0)
    monkeypatch.setattr("sys.stderr", Full())
    LOG.warning("surprise")
    assert tried == ["warning: surprise\n"]
