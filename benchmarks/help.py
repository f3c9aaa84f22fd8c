"""What `newsletter --help` costs beside an interpreter that does nothing: less than 8 times."""

from __future__ import annotations

from pathlib import Path

from interleaved import BARE, NEWSLETTER, measure, show

LIMIT = 8

times = measure(
    {"python -c pass": BARE, "newsletter --help": (NEWSLETTER, "--help")},
    rounds=31,
    cwd=Path.cwd(),
)
show(times, "help.py")
print(f"The limit: {LIMIT} times `python -c pass`.")
