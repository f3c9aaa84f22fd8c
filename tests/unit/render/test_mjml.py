from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from newsletter.errors import NewsletterError
from newsletter.render import mjml
from tests.support.issues import Parsed

if TYPE_CHECKING:
    from collections.abc import Callable


def page(body: str = "<mj-text>a</mj-text>", head: str = "", root: str = 'lang="nl"') -> str:
    return (
        f"<mjml {root}><mj-head>{head}</mj-head><mj-body><mj-section><mj-column>{body}"
        "</mj-column></mj-section></mj-body></mjml>"
    )


def same(text: str) -> str:
    return text


def nothing(*_arguments: str) -> None:
    return None


ODD = "a\u00a0b \u26a0\ufe0f \U0001f469\u200d\U0001f467 e\u0301 co\u00adop \u202f \ufeff."


def test_odd_characters_survive_in_attributes_title_and_text() -> None:
    source = page(
        f'<mj-text><a title="{ODD}" href="https://example.org">{ODD}</a></mj-text>'
        f'<mj-image src="https://example.org/a.png" alt="{ODD}" />',
        head=f"<mj-title>{ODD}</mj-title>",
    )
    html = mjml.compile(source)
    parsed = Parsed(html)
    assert html.isascii()
    assert parsed.values("a", "title") == [ODD]
    assert parsed.texts("a") == [ODD]
    assert parsed.values("img", "alt") == [ODD]
    assert parsed.texts("title") == [ODD]
    assert parsed.values("div", "aria-label") == [ODD]


def test_without_entities_the_compiler_garbles_odd_characters_and_that_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = page('<mj-text><a title="a\u00a0b">c</a></mj-text>')
    monkeypatch.setattr(mjml, "_ascii_markup", same)
    with pytest.raises(NewsletterError, match="garbled an attribute"):
        mjml.compile(source)
    monkeypatch.setattr(mjml, "_refuse_garbled", nothing)
    assert Parsed(mjml.compile(source)).values("a", "title") == [r"a\u{a0}b"]


QUOTED = page(
    """<mj-text><a title='say "x"' href="https://example.org/a\\b">back\\slash</a>
    <b title="it's
    here">c</b></mj-text>""",
    head='<mj-title>say "x" \\ \n now</mj-title>',
)


def test_quotes_backslashes_and_line_breaks_survive_in_tags() -> None:
    parsed = Parsed(mjml.compile(QUOTED))
    assert parsed.values("a", "title") == ['say "x"']
    assert parsed.values("a", "href") == ["https://example.org/a\\b"]
    assert [" ".join(str(v).split()) for v in parsed.values("b", "title")] == ["it's here"]
    assert parsed.texts("a") == ["back\\slash"]
    assert parsed.texts("title") == ['say "x" \\   now']
    assert parsed.values("div", "aria-label") == ['say "x" \\   now']


def test_without_quoting_the_compiler_breaks_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mjml, "_quote_tags", same)
    with pytest.raises(NewsletterError, match="garbled an attribute"):
        mjml.compile(QUOTED)
    monkeypatch.setattr(mjml, "_refuse_garbled", nothing)
    html = mjml.compile(QUOTED)
    assert r"it's\n" in html
    assert "a\\\\b" in html
    assert 'title="say \\"' in html


@pytest.mark.parametrize("gap", ["\n", "\r\n", "\n   ", "\r"])
def test_words_in_neighbouring_tags_stay_separate(gap: str) -> None:
    html = mjml.compile(page(f"<mj-text><em>a</em>{gap}<strong>b</strong></mj-text>"))
    assert "<em>a</em> <strong>b</strong>" in html


def test_without_separating_the_compiler_glues_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mjml, "_separate", same)
    html = mjml.compile(page("<mj-text><em>a</em>\n<strong>b</strong></mj-text>"))
    assert "<em>a</em><strong>b</strong>" in html


SPACED = page(head=" <mj-title>t</mj-title>\r\n <mj-attributes> <mj-all /> </mj-attributes> ")


def test_spaces_between_the_tags_of_the_head_are_no_error() -> None:
    assert Parsed(mjml.compile(SPACED)).texts("title") == ["t"]


def test_without_tightening_the_compiler_refuses_spaces_in_the_head(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mjml, "_tighten_head", same)
    with pytest.raises(NewsletterError, match=r"issue\.mjml\.j2 is not valid MJML, near"):
        mjml.compile(SPACED)


def test_deep_nesting_is_an_error() -> None:
    deep = "<b>" * 50_000 + "</b>" * 50_000
    with pytest.raises(NewsletterError, match="nests its elements more than 200 deep"):
        mjml.compile(page(f"<mj-text>{deep}</mj-text>"))
    breaks = "<br>" * 500 + "<hr />" * 500
    assert mjml.compile(page(f"<mj-text>{breaks}</mj-text>")).count("<br") == 500


def test_without_the_limit_deep_nesting_kills_the_process() -> None:
    code = (
        "from newsletter.render import mjml\n"
        "mjml._refuse_unsafe = lambda *_: None\n"
        "deep = '<b>' * 50_000 + '</b>' * 50_000\n"
        "mjml.compile('<mjml lang=\"nl\"><mj-body><mj-section><mj-column><mj-text>' + deep"
        " + '</mj-text></mj-column></mj-section></mj-body></mjml>')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ended.returncode < 0, ended.stderr


def test_a_huge_source_is_an_error() -> None:
    with pytest.raises(NewsletterError, match="larger than 1,000,000 characters"):
        mjml.compile(page(f"<mj-text>{'a' * 1_000_000}</mj-text>"))


@pytest.mark.parametrize(
    ("source", "problem", "trace"),
    [
        (page("<mj-foo>a</mj-foo>"), "does not know the element <mj-foo>", "<mj-foo>"),
        (page("<mj-text><mj-spacer /></mj-text>"), "the element <mj-spacer>", "<mj-spacer"),
        (page(root=""), "has no language", 'lang="und"'),
    ],
)
def test_silent_leftovers_are_errors(
    source: str, problem: str, trace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NewsletterError, match=problem):
        mjml.compile(source)
    monkeypatch.setattr(mjml, "_refuse_leftovers", nothing)
    assert trace in mjml.compile(source)


def test_more_than_gmail_shows_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    source = page(f"<mj-text>{'€ ' * 13_000}</mj-text>")
    with pytest.raises(NewsletterError, match="and Gmail hides what is beyond 100 KB"):
        mjml.compile(source)
    monkeypatch.setattr(mjml, "_refuse_oversize", nothing)
    assert len(mjml.compile(source)) > 100_000


@pytest.mark.parametrize(
    "body", ["<mj-text>a", "<mj-text><b>a</mj-text>", "<mj-text>a & <</mj-text>"]
)
def test_what_is_not_mjml_is_one_line(body: str) -> None:
    with pytest.raises(NewsletterError, match=r"^issue\.mjml\.j2 is not valid MJML") as error:
        mjml.compile(page(body))
    assert "\n" not in str(error.value)


def test_no_font_or_image_is_fetched_from_elsewhere() -> None:
    assert "://" not in mjml.compile(page()).replace("http://www.w3.org/1999/xhtml", "")


def test_css_keeps_its_characters() -> None:
    html = mjml.compile(page(head='<mj-style>a > b:after { content: "→ \\2192"; }</mj-style>'))
    assert r'a > b:after { content: "\2192  \2192"; }' in html


@pytest.mark.parametrize("write", [str.upper, str.lower])
def test_compiling_is_deterministic(write: Callable[[str], str]) -> None:
    source = page(f"<mj-text>{write('Rust')}</mj-text>")
    assert mjml.compile(source) == mjml.compile(source)
