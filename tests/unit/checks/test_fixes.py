"""What `check --fix` writes: what is mechanical, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter import checks
from newsletter.model import Severity
from tests.support.drafts import HEADER, read

NO_BREAK = "\u00a0"


def fixed(text: str) -> str:
    return checks.fix(text, read(text))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("• een\n• twee\nEn nu?\n", "- een\n- twee\n\nEn nu?\n"),
        ("• een\n\n• twee\n", "- een\n\n- twee\n"),
        ("Zoals:\n  • een\n  • twee\n", "Zoals:\n\n- een\n- twee\n"),
        ("- Waar? => Hier.\n- Wat? ⇒ Dat.\n", "- Waar? → Hier.\n- Wat? → Dat.\n"),
        ("Waar? → Hier.\nWat? → Dat.\n", "- Waar? → Hier.\n- Wat? → Dat.\n"),
        (f"-{NO_BREAK}een\n-{NO_BREAK} twee\nEn nu?\n", "- een\n- twee\n\nEn nu?\n"),
        (f"##{NO_BREAK}Kop\n\nTekst.\n", "## Kop\n\nTekst.\n"),
        ("##Kop\n\nTekst.\n", "## Kop\n\nTekst.\n"),
        ("h2. Kop\n\nTekst.\n", "## Kop\n\nTekst.\n"),
        ("== Kop ==\n\nTekst.\n", "## Kop\n\nTekst.\n"),
        ("-een\n-twee\n", "- een\n- twee\n"),
        ("– een\n– twee\n", "- een\n- twee\n"),
        ("1.Een\n2.Twee\n", "1. Een\n2. Twee\n"),
        ("“Rust begint\nvanbinnen.”\n", "> Rust begint\n> vanbinnen.\n"),
        ('*"Rust begint vanbinnen"*.\n', '*"Rust begint vanbinnen"*.\n'),
        ('*"Rust begint vanbinnen."*\n', "> *Rust begint vanbinnen.*\n"),
        ("- een\nEn nu?\n", "- een\n\nEn nu?\n"),
        ("> een\nEn nu?\n", "> een\n\nEn nu?\n"),
        ("Een\n\n———\nTwee\n", "Een\n\n---\n\nTwee\n"),
        ("Een&nbsp woord, een caf&eacute .\n", "Een woord, een café .\n"),
        ("Een &amp;euro; hier.\n", "Een € hier.\n"),
        ("Zie https://example.org/a. Nu.\n", "Zie <https://example.org/a>. Nu.\n"),
        ("Zie (www.example.org).\n", "Zie (<https://www.example.org>).\n"),
        ("Zie <www.example.org>.\n", "Zie <https://www.example.org>.\n"),
        ("Zie [a](www.example.org).\n", "Zie [a](https://www.example.org).\n"),
        ("Zie [a] (https://example.org).\n", "Zie [a](https://example.org).\n"),
        ("Zie (a)[https://example.org].\n", "Zie [a](https://example.org).\n"),
        ("Een ** vet ** woord.\n", "Een **vet** woord.\n"),
        ("**Let op:**lees dit.\n", "**Let op:** lees dit.\n"),
        ("- [ ] een\n- [x] twee\n", "- een\n- twee\n"),
        ("    Een zin.\n", "Een zin.\n"),
        ("Dit is ~~weg~~.\n", "Dit is ~~weg~~.\n"),
        ("Een ver-\ntrouwen.\n", "Een vertrouwen.\n"),
        ("Een ver-\ntrouwen dat\nblijft.\n", "Een vertrouwen\ndat\nblijft.\n"),
        ("Een auto-\nongeluk is zo gebeurd.\n", "Een auto-ongeluk\nis zo gebeurd.\n"),
        ("Een over- tuiging.\n", "Een overtuiging.\n"),
        (
            "[a](https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.org%2Fa&data=05)\n",
            "[a](https://example.org/a)\n",
        ),
        (
            "[a](https://urldefense.com/v3/__https://example.org/a?b=1__;!!Ab!Cd$)\n",
            "[a](https://example.org/a?b=1)\n",
        ),
        (
            "[a](https://urldefense.proofpoint.com/v2/url?u=https-3A__example.org_a&d=Dw)\n",
            "[a](https://example.org/a)\n",
        ),
        (
            "[a](https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.org%2Fa%3Ffbclid%3Dx&h=y)\n",
            "[a](https://example.org/a)\n",
        ),
        ("Een\r\n• twee\r\n", "Een\r\n\r\n- twee\r\n"),
    ],
)
def test_what_is_mechanical_in_the_body_is_repaired(written: str, meant: str) -> None:
    head = HEADER.replace("\n", "\r\n") if "\r" in written else HEADER
    assert fixed(head + written) == head + meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("---\nonderwerp: Rust\n---\n", "---\nsubject: Rust\n---\n"),
        ("—-\nsubject: Rust\n----\n", "---\nsubject: Rust\n---\n"),
        ("+++\nsubject: Rust\n+++\n", "---\nsubject: Rust\n---\n"),
        ("subject: Rust\n---\n", "---\nsubject: Rust\n---\n"),
        ("---\nsubject: Rust\n\n", "---\nsubject: Rust\n---\n\n"),
        ("---\nsubject = Rust\n---\n", "---\nsubject: Rust\n---\n"),
        ("---\nsubject: Rust\ndraft: ja\n---\n", "---\nsubject: Rust\ndraft: yes\n---\n"),
        ("---\nsubject: Rust\nklaar: ja\n---\n", "---\nsubject: Rust\ndraft: no\n---\n"),
        (
            "---\nsubject: Rust\ndatum: 6 december 2026 07:00\n---\n",
            "---\nsubject: Rust\nsend_at: 2026-12-06 07:00\n---\n",
        ),
        (
            "---\nsubject: Rust\nsend_at: 29-11-2026 7u30\n---\n",
            "---\nsubject: Rust\nsend_at: 2026-11-29 07:30\n---\n",
        ),
        (
            '---\nsubject: Rust\ntags: [rust, "stil"]\n---\n',
            "---\nsubject: Rust\nthemes: rust, stil\n---\n",
        ),
        (
            "---\nsubject: Rust\nurl: www.example.org/x\n---\n",
            "---\nsubject: Rust\narticle: https://www.example.org/x\n---\n",
        ),
        ("---\nsubject: Rust &amp; **wat**\n---\n", "---\nsubject: Rust & wat\n---\n"),
        ("---\nsubject: Rust\nsubject: Rust\n---\n", "---\nsubject: Rust\n---\n"),
        ("\ufeff---\nsubject: Rust\n---\n", "---\nsubject: Rust\n---\n"),
        ("---\r\nsubject: Rust\n---\n", "---\nsubject: Rust\n---\n"),
        ("---\nsubject: Rust\nkleur: rood\n---\n", "---\nsubject: Rust\nkleur: rood\n---\n"),
        ("---\nsubject: R\ntitel: Rust\n---\n", "---\nsubject: R\ntitel: Rust\n---\n"),
    ],
)
def test_what_is_mechanical_in_the_front_matter_is_repaired(written: str, meant: str) -> None:
    assert fixed(f"{written}Tekst.\n") == f"{meant}Tekst.\n"


def test_a_file_without_faults_keeps_every_byte() -> None:
    for text in (HEADER + "Tekst.  \n\n\n", (HEADER + "Tekst.").replace("\n", "\r\n"), "", "\n"):
        assert fixed(text) == text


def test_what_the_file_allows_is_not_repaired() -> None:
    text = "---\nsubject: Rust\nallow: pasted-bullets (zo)\n---\n• een\n\n##Kop\n\nTekst.\n"
    assert fixed(text) == text.replace("##Kop", "## Kop")


def test_a_finding_says_whether_it_can_be_repaired() -> None:
    found = checks.check(read(HEADER + "• een\n\n~~weg~~\n"))
    marked = {finding.rule: finding.fixable for finding in found}
    assert marked == {"preheader-missing": False, "pasted-bullets": True, "foreign-mark": False}


PIECES = [
    *("• een", "- een", "– een", "-een", f"-{NO_BREAK}een", "1.Een", "> een", "💡 een", "een?"),
    *("##Kop", "# Kop", "== Kop ==", "“Een zin.”", "===", "---", "** vet **", "**a:**b", "~~a~~"),
    *(
        "=> hint",
        "→ hint",
        "    een",
        "- [ ] een",
        "&nbsp ",
        "&lt;b&gt;",
        "<b>",
        "[a] (https://x.nl)",
    ),
    *("www.example.org", "https://example.org/?utm_source=a", "[a](www.b.nl)", "[[gat]]", "Lees."),
    *(" ", "\n", "\n", "\n\n", "\r\n", "\t", "  ", "\ufeff", "\u200b", "{{ naam }}"),
]
HEADS = [
    *(
        "---",
        "+++",
        "----",
        "subject: Rust",
        "onderwerp: Rust",
        "draft: ja",
        "concept: nee",
        "x: y",
    ),
    *(
        "send_at: 7 uur",
        "datum: 6-12-2026",
        "tags: [a, b]",
        "url: www.b.nl",
        "preheader: *a* &amp; b",
    ),
    *("allow: almost-list (zo)", "subject = Rust", "# noot", ""),
]
bodies = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=24).map("".join)
heads = st.lists(st.sampled_from(HEADS), max_size=6).map("\n".join)


def ranked(text: str) -> list[tuple[str, str]]:
    found = checks.check(read(text))
    return sorted((f.severity, f.rule) for f in found if f.severity is not Severity.HINT)


@pytest.mark.parametrize(
    "body",
    [
        "Zie [a](www.example.org) en [b](htp:/x).\n",
        "Zie [b](htp:/x) en [a](www.example.org).\n",
        "Zie &euro dan en &qwerty; hier.\n",
    ],
)
def test_of_two_findings_of_one_rule_on_one_line_the_repaired_one_counts(body: str) -> None:
    text = HEADER + body
    before, after = checks.check(read(text)), checks.check(read(fixed(text)))
    assert sum(finding.fixable for finding in before) == len(before) - len(after) == 1


@settings(deadline=None, max_examples=120)
@given(heads, bodies)
@example("---\nsubject: Rust\n---", "Zoals:\n• een\n• twee\ntekst")
def test_a_second_run_changes_nothing_and_no_finding_becomes_worse(head: str, body: str) -> None:
    text = f"{head}\n{body}"
    once = fixed(text)
    assert fixed(once) == once
    before, after = ranked(text), ranked(once)
    for one in after:
        assert one in before
        before.remove(one)


@settings(deadline=None, max_examples=80)
@given(bodies)
def test_exactly_the_marked_findings_vanish(body: str) -> None:
    text = HEADER + body
    found = checks.check(read(text))
    left = checks.check(read(fixed(text)))
    assert not {f.rule for f in found if f.fixable} - {f.rule for f in found if not f.fixable} & {
        f.rule for f in left
    }
    assert bool(fixed(text) != text) == any(finding.fixable for finding in found)


@settings(deadline=None, max_examples=80)
@given(bodies.map(lambda body: body.replace("\r", "").replace("\ufeff", "")))
def test_lines_without_a_finding_near_stay_as_they_are(body: str) -> None:
    text = HEADER + body
    if not checks.check(read(text)):
        assert fixed(text) == text
