"""Make the pictures of README and docs again.

letter.png: a sample issue on a desktop in light mode, beside a phone in dark mode.
signup.png: the form on an author's own site, the page that follows it, and the letter that
confirms.
archive.png: the list of all issues, beside a phone with what a search finds.

In the developers' environment, which `./dev test` or `./dev check` makes:
`.venv/bin/python docs/picture.py`. The fonts are those of the tests, so that every machine makes
the same pictures.
"""  # noqa: INP001 - a script beside the pages it illustrates

from __future__ import annotations

import base64
import io
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PIL import Image

from newsletter import personalize, pictures, render
from newsletter.archive import paths
from newsletter.archive.site import Site
from newsletter.checks import require_valid
from newsletter.config import Settings
from newsletter.desk import read_draft
from newsletter.desk.issues import sample_message
from newsletter.model import Edition, NoticeKind, PublishedIssue
from newsletter.web.pages import render_pages

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the tests, which are no package
from tests.support.letter_fonts import with_fonts

try:
    from playwright.sync_api import sync_playwright
except ModuleNotFoundError:
    raise SystemExit(
        "picture: the browser's library is not installed. Make the developers' environment first:"
        " ./dev test --collect-only"
    ) from None

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from newsletter.model import Issue

HOME = Path(__file__).parent
CLEAN = HOME.parent / "tests" / "corpora" / "clean"
ISSUE = "2026-11-29-vasthouden-of-loslaten"
SCROLL = """top => {
  const element = document.querySelector(top);
  element.style.scrollMarginTop = "32px";
  element.scrollIntoView();
}"""
WIDEST_PHONE = 400
COLOURS = 128
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
FRAME = """<!doctype html><style>
  body { margin: 0; padding: 44px 0; width: 1100px; background: #dcdfda; display: flex;
    justify-content: center; align-items: center; gap: 44px; }
  img { display: block; border-radius: 14px; box-shadow: 0 6px 18px rgb(0 0 0 / .18); }
  .phone { border: 9px solid #0b0c0c; border-radius: 40px; }
</style>"""
SITE = """<!doctype html><html lang="nl"><meta charset="utf-8"><style>
  body { margin: 0; background: #fff; color: #26302d; font: 18px/1.6 sans-serif; }
  header { padding: 22px 44px; border-bottom: 1px solid #dde3e0; color: #2f5d50;
    font-size: 22px; font-weight: bold; }
  header span { float: right; color: #5b6662; font-size: 16px; font-weight: normal; }
  main { padding: 26px 44px; }
  p { text-wrap: balance; }
  h1 { margin: 0 0 12px; font-size: 30px; line-height: 1.25; }
  form { margin: 26px 0 0; padding: 8px 28px 12px; border-radius: 10px; background: #eef3f1; }
  input { box-sizing: border-box; width: 100%; padding: 9px 12px; border: 1px solid #6b7672;
    border-radius: 6px; background: #fff; font: inherit; }
  button { padding: 11px 24px; border: 0; border-radius: 6px; background: #2f5d50; color: #fff;
    font: inherit; }
</style>
<header>Jij en Loslaten <span>Artikelen &nbsp; Over Gerrit</span></header>
<main><h1>Een rustige brief, elke week</h1>
<p>Elke week schrijf ik over loslaten: een gedachte, drie vragen om bij stil te staan, en een link
om verder te lezen.</p>
FORM</main>"""


@dataclass(frozen=True)
class View:
    """Something to photograph.

    Attributes:
        html: What it shows.
        mode: Which colours it asks for.
        width: Of the window, in pixels.
        height: Of the window, in pixels.
        shown: How wide the picture of it is.
        top: The element at its top.
    """

    html: str
    mode: Literal["light", "dark"]
    width: int
    height: int
    shown: int
    top: str = "body"


SETTINGS = Settings(
    root=HOME.parent,
    name="Jij en Loslaten",
    sender="Gerrit <gerrit@example.org>",
    contact="Postbus 1, 1000 AA Amsterdam",
    site_url="https://example.org/",
    public_url="https://brief.example.org",
    logo="tests/support/letters/dutch/steen.png",
    portrait="tests/support/letters/dutch/portret.png",
)


def main() -> None:
    """Render what `newsletter` renders, and photograph it."""
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for name, views in all_views().items():
            _make(browser, name, *views)
        browser.close()


def all_views() -> dict[str, tuple[View, ...]]:
    """Return what each picture shows, by its file name."""
    issue = _issue()
    return {
        "letter.png": (
            View(issue, "light", 760, 1052, 660),
            View(issue, "dark", 370, 930, 300, top="h2"),
        ),
        "signup.png": _signup(SETTINGS),
        "archive.png": _archive(),
    }


def _issue() -> str:
    issue = require_valid(read_draft(SETTINGS, HOME.parent / "issues" / f"{ISSUE}.md"))
    letter = render.letter(issue, SETTINGS)
    html = sample_message(letter, issue.slug, issue.send_at, "Anna").html
    for name, data in pictures.copy_pictures(issue, SETTINGS).items():
        inside = f"data:{pictures.media_type(name)};base64,{base64.b64encode(data).decode()}"
        html = html.replace(pictures.stored_at(SETTINGS) + name, inside)
    return html


def _signup(settings: Settings) -> tuple[View, ...]:
    typed = {"email": "anna@example.org", "first_name": "Anna", "stamp": "", "van": ""}
    page = render_pages(settings).signup_again.fill(**typed)
    notice = render.notice(settings, NoticeKind.CONFIRMATION, linked=True)
    letter = personalize.with_link(notice, settings.public_url)
    return (
        View(SITE.replace("FORM", render.form(settings)), "light", 600, 700, 440),
        View(page.body.decode(), "dark", 370, 760, 240),
        View(letter.html, "light", 370, 760, 240),
    )


def _archive() -> tuple[View, ...]:
    files = [*(HOME.parent / "issues").glob("*.md"), *CLEAN.glob("*.md")]
    drafts = [read_draft(SETTINGS, file) for file in files]
    issues = [_published(draft.issue) for draft in drafts if draft.issue]
    issues.sort(key=lambda one: one.slug, reverse=True)
    site = Site(replace(SETTINGS, description="Elke week een rustige brief."), issues)
    index = site.page(paths.INDEX)
    if index is None:
        raise AssertionError(paths.INDEX)
    return (
        View(index.body.decode(), "light", 760, 1052, 660),
        View(site.search_page("loslaten").body.decode(), "dark", 370, 930, 300),
    )


def _published(issue: Issue) -> PublishedIssue:
    edition = Edition(
        slug=issue.slug,
        number=0,
        at=issue.send_at,
        day=issue.send_at.date(),
        subject=issue.subject,
        preheader=issue.preheader,
        article=issue.article,
        themes=issue.themes,
        blocks=issue.blocks,
        content_hash=issue.content_hash,
    )
    return PublishedIssue(edition, edition.at)


def _make(browser: Browser, name: str, *views: View) -> None:
    shots = [
        f'<img class="{"phone" if view.width < WIDEST_PHONE else ""}" width="{view.shown}"'
        f' src="data:image/png;base64,{_photograph(browser, view)}">'
        for view in views
    ]
    frame = browser.new_page(viewport={"width": 1100, "height": 100})
    frame.set_content(FRAME + "".join(shots))
    shot = Image.open(io.BytesIO(frame.screenshot(full_page=True))).convert("RGB")
    # Few colours are enough, and a third of the bytes.
    shot.quantize(COLOURS, dither=Image.Dither.NONE).save(HOME / name, optimize=True)


def _photograph(browser: Browser, view: View) -> str:
    window = browser.new_page(
        viewport={"width": view.width, "height": view.height},
        color_scheme=view.mode,
        device_scale_factor=2,
    )
    window.set_content(with_fonts(view.html))
    window.evaluate("document.fonts.ready")
    window.evaluate(SCROLL, view.top)
    return base64.b64encode(window.screenshot()).decode()


if __name__ == "__main__":
    main()
