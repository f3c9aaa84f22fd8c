"""Cells that a spreadsheet would run as a formula, made harmless and read back.

One apostrophe goes in front of what begins as a formula does, after any apostrophes of its own:
the cell itself, and what follows a semicolon in it, for where a semicolon parts the cells (as in a
Dutch Excel) that is a cell of its own. Reading takes each of these off. The two undo each other
for every text.
"""

from __future__ import annotations

import re

# As owasp.org/www-community/attacks/CSV_Injection lists them, with the full-width signs that
# some spreadsheets take for the plain ones; space before a sign does not keep it from running.
_SIGNS = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(rf"'*(?:\s*{_SIGNS}|[\t\r\n])")
_INSIDE = re.compile(rf";('*\s*{_SIGNS})")
_GUARDED = re.compile(rf";'('*\s*{_SIGNS})")


def guard(cell: str) -> str:
    """Return the cell as it may stand in a file for spreadsheets."""
    if ";" in cell:
        cell = _INSIDE.sub(r";'\1", cell)
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguard(cell: str) -> str:
    """Return the cell that `guard` was given."""
    if cell.startswith("'") and _FORMULA.match(cell):
        cell = cell[1:]
    return _GUARDED.sub(r";\1", cell) if ";" in cell else cell
