"""Logging of the command line: records of the program's loggers become lines on standard error.

Information is printed as it is, a warning as `warning: …`. No line shows an address or a token.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Final

from newsletter.cli.annotations import visible
from newsletter.cli.output import as_printed

LOGGER: Final = "newsletter"
"""The logger above all of the program's."""

# A word with an address in it, but not the brackets, quotes and folders around it.
_WORD: Final = re.compile(r"[^\s<>()/]+")
# A token or part of one: two long parts with a full stop between (see `newsletter.tokens`, which
# is slow to import). Possessive, so that a long line costs as much as it is long.
_TOKEN: Final = re.compile(r"(?<![\w-])[\w-]++\.[\w-]{43}(?![\w-])")


def configure_logging(verbosity: int) -> None:
    """Print what the program logs on standard error.

    Args:
        verbosity: -1 for warnings and errors only, 0 for information too, 1 for tracebacks as well.
    """
    logger = logging.getLogger(LOGGER)
    logger.setLevel({-1: logging.WARNING, 0: logging.INFO}.get(verbosity, logging.DEBUG))
    if not any(isinstance(handler, _StderrHandler) for handler in logger.handlers):
        handler = _StderrHandler()
        handler.setFormatter(HidingFormatter())
        logger.addHandler(handler)


def hide_personal_data(text: str) -> str:
    """Return a text without the words that may be addresses, and without tokens of links."""
    return _TOKEN.sub("(a token)", _WORD.sub(_hide_address, text))


def _hide_address(word: re.Match[str]) -> str:
    bare = word[0].rstrip("\"',.;:")
    return f"(an address){word[0][len(bare) :]}" if "@" in bare.strip("@") else word[0]


class HidingFormatter(logging.Formatter):
    """Formats a record as one text, and hides personal data in all of it, traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        text = hide_personal_data(super().format(record))
        return f"warning: {text}" if record.levelno == logging.WARNING else text


class _StderrHandler(logging.Handler):
    """Writes to the current `sys.stderr`, which a progress bar may replace."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; a log that cannot be written must not keep the program from its work."""
        try:
            sys.stderr.write(f"{as_printed(visible(self.format(record)))}\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            pass
