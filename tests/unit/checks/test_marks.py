"""No mark reaches a subscriber as it stands without a warning, and no prose raises one."""

from __future__ import annotations

import time

import pytest

from tests.support.drafts import HEADER, in_body, read

NO_BREAK, NARROW, ZERO, JOINER, BOM = "\u00a0", "\u202f", "\u200b", "\u2060", "\ufeff"

SLIPS = {
    "foreign-mark": [
        "Dit is ~~weg~~ nu.",
        "Dit is ==belangrijk== nu.",
        "Dit is ++nieuw++ nu.",
        "Dit is ~whatsapp~ nu.",
        "H~2~O is water.",
        "Een m^2^ grond.",
        "Een ||geheim|| woord.",
        "## Kop {#kop}",
        "Een woord{.groot} hier.",
        "Een woord {: .groot} hier.",
        "![[plaatje.png]]",
        "> [!NOTE]\n> Let op.",
        ":::tip",
        "!!! note",
        "??? vraag",
        "[TOC]",
        "[[_TOC_]]",
        "Leuk :smile: zeg.",
        "Dit is [b]vet[/b].",
        '[caption width="300"] Een foto',
        "De formule $E = mc^2$ klopt.",
        "De formule $$x + y$$ klopt.",
        "Rust\n: een toestand",
        "*[HTML]: een taal",
        "Dit is ~~weg.",
        "Dit is ==belangrijk.",
        "Een blok ^a1b2c3",
        "Zie [@jansen2020].",
        "Goed :+1: zo.",
    ],
    "gap": [
        "Zie [[Rust]] hier.",
        "Hier komt [[…]] nog.",
        "[[]]",
        "- [[een vraag]]? → [[een hint]]",
        "> [[een citaat]]",
        "💡 [[een gedachte]]",
        "## [[een kop]]",
        "[[[label]]](https://example.org/)",
        "[Lees verder [[waar?]]](https://example.org/)",
    ],
    "accidental-emphasis": [
        "De lezer*innen en schrijver*innen komen.",
        "Dit is *vet** hoor.",
    ],
    "footnote": ["Noot[^1] hier.", "[^1]: Zie het boek van gisteren.", "Noot^[met tekst] hier."],
    "task-list": ["- [ ] taak", "- [x] taak", "1. [ ] taak", "[ ] taak", "* [X] taak"],
    "table": [
        "| Dag | Wat |\n|-----|-----|\n| ma | rust |",
        "Dag | Wat\n--- | ---\nma | rust",
        "| ma | rust |\n| di | werk |",
        "ma | rust\ndi | werk",
        "Dag\tWat\nma\trust",
    ],
    "almost-heading": [
        "##Kop",
        "###Nog een kop",
        "#Kop van vandaag",
        "#Inleiding",
        "h2. Kop",
        "== Kop ==",
    ],
    "almost-list": [
        "-punt",
        "-“Punt”",
        "1)punt\n2)punt",
        "1.Punt",
        "– een\n– twee",
        "— een\n— twee",
        "– een\n\n– twee\n\n– drie",
        "a) een\nb) twee",
        "(1) een\n(2) twee",
        "I. een\nII. twee",
        "o een\no twee",
        "✅ een\n✅ twee",
        "→ een\n→ twee",
    ],
    "almost-divider": ["=====", "———", "+++", "===", "~~", "– – –"],
    "odd-space": [
        f"##{NO_BREAK} Kop",
        f"##{NO_BREAK}Kop",
        f"-{NO_BREAK} punt",
        f"-{NO_BREAK}punt\n-{NO_BREAK}punt",
        f"*{NARROW}punt",
        f"1.{NO_BREAK} een",
        f"-{ZERO}punt",
        f"{NO_BREAK}- punt",
        f"{NO_BREAK}## Kop",
        f"{ZERO}## Kop",
        f"{JOINER}> citaat",
        f"{BOM}1. een",
    ],
    "unused-emphasis": [
        "**Let op:**lees dit.",
        '**"Loslaten"**is een kunst.',
        "** vet ** met spaties.",
        "Dit is **niet gesloten.",
        "Dit is niet geopend**.",
        "Dit is *niet gesloten.",
        "Dit is **vet* hoor.",
        "Dit is _niet gesloten.",
        "__Let op:__lees dit.",
        "Dit is * vet * hoor.",
        "Dit is * vet* hoor.",
        "Dit is _ schuin _ hoor.",
        "Een `code zonder eind.",
        "De laatste regel \\",
        "Groet,\\nGerrit",
        "Eén\\nen twee",
        "- **Punt:**een",
        "> **Citaat:**een",
        "## **Kop:**een",
    ],
    "wrong-entity": [
        "Een&nbsp woord.",
        "Een &amp;nbsp; woord.",
        "Een caf&eacut; hier.",
        "&#39 t",
        "&gt; citaat",
        "Dit is &lt;b&gt;vet&lt;/b&gt;.",
    ],
    "bare-address": [
        "https://example.org/",
        "Zie https://example.org/lang hier.",
        "Zie www.example.org hier.",
        "Zie (https://example.org).",
        "Zie <www.example.org> hier.",
        "Zie <example.org/pad> hier.",
        "- https://example.org/",
        "Schrijf mailto:anna hier.",
    ],
    "broken-link": [
        "[Lees verder]",
        "**[Lees meer]**",
        "Zie [Lees verder] hier.",
        "[Lees verder] (https://example.org/)",
        "(Lees verder)[https://example.org/]",
        "[Lees verder]: (https://example.org/",
        "[Lees verder]https://example.org/",
        "[Lees verder][boek]",
        "[Lees verder][]",
        "[Lees verder](https://example.org/",
        "![Een pad langs het water]",
        "! [Een pad](https://example.org/a.png)",
        "De prijs is [invullen] euro.",
        "Zie [[het boek](https://example.org/).",
        "Zie [het boek](https://example.org/)].",
    ],
    "merge-tag": [
        "Fijn dat je er bent, [firstname,fallback=lezer].",
        "Dit is voor *|FNAME|* alleen.",
        "Dit is voor {{ first_name }} alleen.",
        "Dit is voor {{contact.FIRSTNAME}} alleen.",
        "Dit is voor %%naam%% alleen.",
        "Dit is voor [FNAME] alleen.",
        "Dit is voor [voornaam] alleen.",
        "Dit is voor {$name} alleen.",
        "Dit is voor {naam} alleen.",
        "Dit is voor ##voornaam## alleen.",
        "Dit is voor $naam$ alleen.",
        "Dit is voor $FNAME alleen.",
        "Dit is voor ${naam} alleen.",
        "Dit is voor %FIRSTNAME% alleen.",
        "Dit is voor %recipient.name% alleen.",
        "Dit is voor <%= name %> alleen.",
        "Dit is voor «Voornaam» alleen.",
        "Dit is voor [subscriber:firstname | default:lezer] alleen.",
        "{{{unsubscribe}}}",
        "{% if first_name %}ja{% endif %}",
        "{{< youtube id >}}",
        "## Voor {{ first_name }}",
        "- Voor {{ first_name }}",
        "![Een pad van {{ naam }}](https://example.org/a.png)",
        "Klik [hier](https://example.org/?e=*|EMAIL|*) dan.",
    ],
    "numbering": [
        "1986. Dat was het jaar.",
        "29. november was een koude dag.",
        "1. december was een koude dag.",
        "1. een\n3. twee",
        "1. een\n2. twee\n2. drie",
    ],
    "text-became-list": ["Het was mooi weer\n- zei hij", "Ik liep naar huis\n* zei ze"],
    "lines-joined": [
        "De zon gaat onder\nachter het huis\nen alles wordt stil\nvannacht",
        "> De zon gaat onder\n> achter het huis\n> en alles wordt stil",
        "Anna de Vries\nDorpsstraat 1\n1234 AB Stad",
        "**Een kop**\nTekst die daarna nog een tijd doorgaat.",
    ],
    "unshown-title": [
        'Zie [hier](https://example.org "Een titel") dan.',
    ],
    "image-format": [
        "![Een pad](https://example.org/a.svg)",
        "![Een pad](https://example.org/a.WEBP?b=1)",
        "![Een pad](https://example.org/a.avif#c)",
        "![Een pad](https://example.org/a.heic)",
    ],
    "long-word": [
        f"<https://example.org/{'een/lang/pad/' * 5}>",
        "a" * 61,
        f"[{'x' * 80}](https://example.org)",
    ],
    "garbled-text": [
        "Een cafÃ© hier.",
        "Zoâ€™n dag.",
        "Dat kost â‚¬5.",
        "Een caf=C3=A9.",
        "Een caf\\u00e9.",
    ],
    "raw-html": ["![Een <br> pad](https://example.org/a.png)", "Een <b>woord</b>."],
    "subject-repeated": ["# Rust\n\nTekst.", "**Rust!**\n\nTekst.", "Rust\n\nTekst."],
    "almost-questions": [
        "- Waar merk je dat → Hier.\n- Wat doe je → Dat.",
        "- Waar merk je dat? => Hier.",
        "- Waar merk je dat? --> Hier.",
        "- Waar merk je dat? ⇒ Hier.",
        "- Kun je het laten → Probeer.",
        "Waar merk je dat? → Hier.\nWat doe je dan? → Dat.",
    ],
}

PROSE = [
    "Zie ook [[het boek](https://example.org/)].",
    "Dit [zie [het boek](https://example.org/) hierover] is genoeg.",
    "De prijs is 10 euro*, koffie erbij.\n\n* exclusief btw",
    "De prijs is 10 euro*, koffie erbij.\n\n*exclusief btw",
    "De prijs is 10 euro*\n* exclusief btw",
    "De prijs is 10 euro.*\n\n*) exclusief btw",
    "x^2+y^2=z^2 en a ==> b ==> c.",
    "> Loslaten is niet weggooien. Het is je\n> hand openen en zien wat er blijft\n> liggen.",
    "Lezer*innen en k**t staan hier.",
    "5 * 3 = 15 en 2 * 4 = 8, dus a*b.",
    "snake_case_naam, bestand_2026.txt en een ___ om in te vullen.",
    "Het is A|B, links | rechts, ja | nee.",
    "| is een teken, en || ook.",
    "C# en C++ en F#, #1 en #rust.",
    "#rust #loslaten #ademen",
    "#rust is een hashtag.",
    "#loslaten",
    "• • •",
    "Kies 2 *of* 3 en 4.",
    "Een lezer*in en een half woord.",
    "-5 graden was het.",
    "+31 6 12345678 is mijn nummer.",
    "Om 12:30 of 12.45 uur, tot 23:59:59.",
    "— Kom je?\n\n— Ja, ik kom.",
    "> Stilte is niet leeg.\n>\n> — Een buurvrouw",
    "— Een buurvrouw",
    "Schrijf naar anna@example.org, of kijk op example.org.",
    "[Stuur deze brief door](mailto:?subject=Lees%20dit)",
    "Hij zei “het [hek] stond open” [sic] […] en zie [1] en [2].",
    "[Dit verscheen eerder in de krant van zaterdag.]",
    "Het kost $5 of $10, ~20 minuten, 20 % of 50%.",
    "R&D, AT&T, Q&A; rock & roll, en B&B's.",
    "1 < 2 en 3 > 2, <3 en :-) en ;) en ^^ en ^_^.",
    "2^10 is 1024, en H2O is water.",
    "- Amsterdam → Utrecht\n- Utrecht → Zwolle",
    "- spanning → ontspanning",
    "1. een\n2. twee\n3. drie",
    "1. een\n1. twee\n1. drie",
    "2. twee\n3. drie",
    "Zoals altijd:\n- een\n- twee",
    "Een regel  \nen een vers\\\nen nog een.",
    "Een \\*ster\\*, een \\{{ naam \\}} en \\[\\[haken\\]\\], \\~~weg\\~~ en \\`code.",
    "Een `**code**` en `{{ naam }}` en `~~weg~~`.",
    (
        "Deze alinea is met de hand afgebroken op een breedte van zo'n\n"
        "zeventig tekens, zoals sommigen dat in hun editor gewend zijn\n"
        "te doen, zonder daar verder bij na te denken."
    ),
    "Ik liep naar huis.\nHet regende.\nNiemand zag mij.",
    "![Een <pad> langs het water](https://example.org/a.png)",
    "![Een pad](https://example.org/a.jpg)",
    "Zie [voetnoot] (bladzijde 3) en (a) dit of (b) dat.",
    "***",
    "Eerst\n\n---\n\ndaarna",
    "💡 Wat zou je doen?",
    f"💡{NO_BREAK}Wat zou je doen?",
    f"Een{NO_BREAK}woord, 5{NO_BREAK}000 euro.",
    "Zij zei: *ja*, **nee**, _misschien_ en __toch__.",
    "Een *woord*, (**vet**), “_schuin_” en **“vet”**.",
    "'s Avonds, 'k weet het, foto's en zo'n dag.",
    "Rust is mooi.\n\nMaar Rust alleen niet.",
    "1e keer, 2e keer. 1) een 2) twee.",
    "Een caf\u00e9 in Curaçao: ñ, ß, Ã en Â.",
    "Zie de [site](https://example.org/?p=1&q=previewing).",
    "<https://example.org/kort>",
    "Ik las `code`, en toen 'Aan' en \"Uit\".",
]


@pytest.mark.parametrize(("rule", "body"), [(r, b) for r, bodies in SLIPS.items() for b in bodies])
def test_a_mark_without_effect_is_reported_with_its_line(rule: str, body: str) -> None:
    assert in_body(body) == [(1 + _offset(rule, body), rule)]


def _offset(rule: str, body: str) -> int:
    """Tell on which line of the body the slip is, where that is not the first."""
    later = rule == "text-became-list" or body.startswith("Rust\n:")
    return int(later)


@pytest.mark.parametrize("body", PROSE)
def test_ordinary_prose_raises_no_alarm(body: str) -> None:
    assert in_body(body) == []


def test_every_finding_of_marks_says_what_to_do() -> None:
    for rule, bodies in SLIPS.items():
        for finding in read(HEADER + bodies[0]).findings:
            assert finding.fix, rule
            assert finding.message.isprintable()


def test_a_footnote_that_markdown_takes_for_a_link_is_called_a_footnote() -> None:
    assert in_body("Noot[^1] hier.\n\n[^1]: voetnoot") == [(1, "footnote")]
    assert in_body("Tekst.\n\n[^1]: voetnoot") == [(3, "footnote")]


def test_words_between_angle_brackets_stay_in_the_text_of_an_image() -> None:
    draft = read(HEADER + "![Een <pad> langs \\*riet\\*](https://example.org/a.png)")
    assert draft.issue
    assert draft.blocks[0].alt == "Een <pad> langs *riet*"  # type: ignore[union-attr]


def test_each_line_of_a_paragraph_has_its_own_finding() -> None:
    body = "Eén ~~a~~ hier, en nog wat.\nTwee {{ b }} hier.\nDrie https://example.org hier."
    assert in_body(body) == [(1, "foreign-mark"), (2, "merge-tag"), (3, "bare-address")]


def test_no_finding_repeats_an_email_address() -> None:
    body = "{{ anna@example.org }} en mailto:anna@example.org en [[anna@example.org]]"
    for finding in read(HEADER + body).findings:
        assert "anna" not in finding.message + finding.fix


@pytest.mark.parametrize(
    "piece", ["[[", "{{", "*|", "%%", "~~a", "`", "<%", "$a", "&a", "[a]", "a|", "**", ":a", "^a"]
)
def test_no_pattern_takes_long_over_a_hostile_file(piece: str) -> None:
    began = time.process_time()
    read(HEADER + piece * (60_000 // len(piece)))
    assert time.process_time() - began < 5
