"""Cells that a spreadsheet would run as a formula, made harmless and read back.

One apostrophe goes in front of a cell that, after any apostrophes of its own, begins as a
formula does; reading takes one off such a cell. The two undo each other for every text.
"""

from __future__ import annotations

import re

# As owasp.org/www-community/attacks/CSV_Injection lists them, with the full-width signs that
# some spreadsheets take for the plain ones; space before a sign does not keep it from running.
_FORMULA = re.compile(r"'*(?:\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")


def guard(cell: str) -> str:
    """Return the cell as it may stand in a file for spreadsheets."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguard(cell: str) -> str:
    """Return the cell that `guard` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
