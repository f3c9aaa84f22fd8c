"""Guards cells that a spreadsheet would run as a formula, and removes the guard again.

The guard is one apostrophe before the cell, if the cell begins like a formula after any apostrophes
of its own. It is also put before what follows a semicolon in the cell: where a semicolon separates
cells (as in a Dutch Excel), that is a cell of its own. Reading removes each of these apostrophes,
so that every text comes back unchanged.
"""

from __future__ import annotations

import re

# As owasp.org/www-community/attacks/CSV_Injection lists them, with the full-width signs that
# some spreadsheets treat as the plain ones. A formula runs also with space before its sign.
_SIGNS = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(rf"'*(?:\s*{_SIGNS}|[\t\r\n])")
_INSIDE = re.compile(rf";('*\s*{_SIGNS})")
_GUARDED = re.compile(rf";'('*\s*{_SIGNS})")


def guard(cell: str) -> str:
    """Return a cell that is safe in a file for spreadsheets."""
    if ";" in cell:
        cell = _INSIDE.sub(r";'\1", cell)
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguard(cell: str) -> str:
    """Return the cell that `guard` was given."""
    if cell.startswith("'") and _FORMULA.match(cell):
        cell = cell[1:]
    return _GUARDED.sub(r";\1", cell) if ";" in cell else cell
