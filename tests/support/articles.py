"""What tests of `newsletter new` share: an article as pasted text, and its way to a draft."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from newsletter import checks
from newsletter.article.drafting import write_draft
from newsletter.article.furniture import remove_furniture
from newsletter.article.selection import select_parts
from newsletter.article.words import draft_texts
from tests.support.drafts import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.article.drafting import DraftText
    from newsletter.article.selection import Selection
    from newsletter.model import Article, Finding

URL = "https://example.org/de-tuin-in-november/"
LEAD = (
    "In november lijkt de tuin stil te staan, maar onder de grond gaat het werk gewoon door. Wie "
    "dan niets doet, doet vaak het beste wat er te doen valt. De bladeren blijven liggen en de "
    "bodem rust uit."
)
FIRST = (
    "Elk jaar wil ik in de herfst alles netjes hebben: de borders leeg, het gras kort, de potten "
    "schoon. En elk jaar merk ik in maart dat de borders die ik met rust liet het eerst weer "
    "groen worden. Dat zou me iets moeten zeggen over wat rust doet."
)
SECOND = (
    "Een buurman harkt zijn tuin tot er geen blad meer ligt. Hij vraagt me elke week of ik zijn "
    "hark wil lenen, en ik zeg elke week dat ik het nog even aankijk."
)
QUESTIONS = (
    "Wat in jouw tuin zou je dit najaar met rust kunnen laten? → Begin met een stille hoek.",
    "Waar merk je aan dat je te vroeg aan het opruimen bent? → Vaak is dat wanneer het koud wordt.",
    "Wie vraagt jou om haast te maken? → Soms ben je dat zelf.",
)
QUOTE = "Een tuin rust niet omdat er niets gebeurt, maar omdat er niets hoeft."
OTHER_QUOTES = (
    "Dat blad is geen afval.",
    "Wie in november harkt, harkt de lente weg.",
    "De bodem onthoudt wat je hem laat houden.",
    "Stilte in de tuin is geen stilstand; het is een andere soort werk.",
)
PROMPTS = (
    "Welke hoek van je leven mag deze maand blijven liggen zoals hij ligt?",
    "Wat zou je dit najaar met rust kunnen laten in je tuin?",
)
RELATED = "Waarom blad laten liggen zo moeilijk is"

ARTICLE = f"""De tuin in november
Het Groene Pad
Het Groene Pad
7 min

De tuin in november — Wat er groeit als je niets doet

7 min

{LEAD}


Drie vragen bij de hark

  • {QUESTIONS[0]}
  • {QUESTIONS[1]}
  • {QUESTIONS[2]}

Waarom een tuin rust nodig heeft

{FIRST}

{SECOND}

"{OTHER_QUOTES[0]}"

💡 {PROMPTS[1]}

Wat ik hoor als ik luister:

  • "Het moet nog voor de vorst."
  • "Straks lukt het niet meer."

Toch gebeurt er van alles. De wormen trekken het blad naar beneden en de egel slaapt eronder.

"{QUOTE}"

💡 {PROMPTS[0]}

Ben je benieuwd hoe dat voelt? Lees meer in: {RELATED}. In dat blog vertel ik over mijn opa.

Vind het onderwerp dat bij je past

Tip: gebruik 1–2 woorden. Druk op Enter


Wat ik volgend jaar anders doe

Ik laat de hark tot maart in de schuur. Dat is alles wat ik me voorneem, en het is meer dan genoeg.

Begin met kijken, dag na dag.

Begin met kijken, dag na dag →


Ontdek meer...

Veelgestelde vragen over de tuin

Moet ik het blad niet weghalen? Nee, dat hoeft niet.

Wekelijks een groene gedachte

Ontvang wekelijks een brief. Afmelden kan op elk moment

Groet,

Gerrit
"""


def choose(article: Article) -> Selection:
    return select_parts(remove_furniture(article))


def draft(article: Article, pictures: Mapping[str, str] | None = None) -> DraftText:
    bare = remove_furniture(article)
    return write_draft(select_parts(bare), bare.url, draft_texts("nl"), pictures or {})


def findings(text: str) -> tuple[Finding, ...]:
    """Return what `check` finds in a draft."""
    return checks.check(read(text, "2026-12-06-x.md"))


def flat(text: str) -> str:
    """Return a text as it is compared: one kind of space, hyphen and quotation mark."""
    text = unicodedata.normalize("NFKC", text.replace("\u00ad", ""))
    text = re.sub("[\u2010\u2011]", "-", re.sub(r"[\"“”„«»‘’']", "'", text))
    return re.sub(r"\s+", " ", text)


def invented(text: str, source: str) -> list[str]:
    """Return the pieces of a draft that its source has not, in that order of letters."""
    head, _, body = text.removeprefix("---\n").partition("\n---\n")
    values = [
        line.partition(": ")[2] for line in head.split("\n") if line.startswith(("subject", "preh"))
    ]
    pieces = [value.strip('"').replace('\\"', '"') for value in values]
    for line in body.split("\n"):
        if not line.startswith(("[Lees verder]", "[[", "![")):
            bare = re.sub(r"^(?:> |- |## |💡 )+", "", re.sub(r"\[\[[^\]]*\]\]", "\n", line))
            pieces += re.split(r" → |\n", re.sub(r"\\(?=[^\w\s])", "", bare))
    known = flat(source)
    return [piece for piece in pieces if flat(piece).strip(" >") not in known and "[[" not in piece]
