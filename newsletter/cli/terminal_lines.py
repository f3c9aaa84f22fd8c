"""Lines of a report on a terminal: folded between words, below their own beginning."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from typing import Final

_NARROWEST: Final = 40
# What is copied from a line stays in one piece: a command, and the line that approves a letter.
_COMMAND: Final = re.compile(
    r"(?:newsletter [a-z]+|git [a-z]+)(?: [\w./:@<>=-]*[\w/>])*|Newsletter-Approved: \S+ \S+"
)
_GLUE: Final = "\x00"


def fold(line: str) -> str:
    """Return a line of standard output as its terminal shows it best; elsewhere as it is."""
    if not sys.stdout.isatty():
        return line
    return fold_at(line, max(shutil.get_terminal_size().columns, _NARROWEST))


def fold_at(line: str, width: int) -> str:
    """Return a line folded at a width; its commands stay whole, though they be longer."""
    if len(line) <= width:
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    glued = _COMMAND.sub(lambda match: match[0].replace(" ", _GLUE), line)
    folded = textwrap.fill(
        glued,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
    return folded.replace(_GLUE, " ")
