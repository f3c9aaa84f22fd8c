"""What `newsletter new` costs, the whole process, from a saved page and from text: under 1 s."""

from __future__ import annotations

import tempfile
from pathlib import Path

from interleaved import BARE, NEWSLETTER, measure, show

LIMIT = 1000
PARAGRAPH = (
    "In november lijkt de tuin stil te staan, maar onder de grond gaat het werk gewoon door. Wie "
    "dan niets doet, doet vaak het beste wat er te doen valt."
)
QUESTIONS = ["Wat laat je liggen? → Begin klein.", "Wat kost het je? → Tel de uren."]
QUOTE = "Een tuin rust niet omdat er niets gebeurt, maar omdat er niets hoeft."
REPEATED = 40

TEXT = "\n\n".join(
    [
        "De tuin in november",
        *(f"{number}e zondag. {PARAGRAPH}" for number in range(REPEATED)),
        "Twee vragen bij de hark",
        *(f"• {question}" for question in QUESTIONS),
        f'"{QUOTE}"',
        "💡 Welke hoek van je leven mag blijven liggen?",
    ]
)
PAGE = (
    '<!doctype html><html lang="nl"><head><title>De tuin in november</title>'
    '<link rel="canonical" href="https://example.org/tuin/"></head><body><article>'
    "<h1>De tuin in november</h1>"
    + "".join(f"<p>{number}e zondag. {PARAGRAPH}</p>" for number in range(REPEATED))
    + f"<ul>{''.join(f'<li>{question}</li>' for question in QUESTIONS)}</ul>"
    f"<blockquote><p>{QUOTE}</p></blockquote></article></body></html>"
)

with tempfile.TemporaryDirectory() as folder:
    root = Path(folder)
    (root / "newsletter.toml").write_text('name = "Het Groene Pad"\n', encoding="utf-8")
    (root / "tuin.txt").write_text(TEXT, encoding="utf-8")
    (root / "tuin.html").write_text(PAGE, encoding="utf-8")
    (root / "issues").mkdir()
    times = measure(
        {
            "python -c pass": BARE,
            "newsletter new, text": (NEWSLETTER, "new", "tuin.txt", "--stdout"),
            "newsletter new, saved page": (NEWSLETTER, "new", "tuin.html", "--stdout"),
        },
        rounds=15,
        cwd=root,
    )
show(times, "drafting.py")
print(f"The limit: {LIMIT} ms.")
