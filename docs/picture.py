"""Make docs/letter.png: a sample issue on a desktop in light mode, beside a phone in dark mode.

In the developers' environment: `.venv/bin/python docs/picture.py`. The letter asks for Georgia;
without that font the picture shows the machine's next best.
"""  # noqa: INP001 - a script beside the pages it illustrates

from __future__ import annotations

import base64
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from playwright.sync_api import sync_playwright

from newsletter import config
from newsletter.desk import render_files

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOME = Path(__file__).parent
ISSUE = "2026-11-29-vasthouden-of-loslaten"
SCROLL = """top => {
  const element = document.querySelector(top);
  element.style.scrollMarginTop = "32px";
  element.scrollIntoView();
}"""
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
FRAME = """<!doctype html><style>
  body { margin: 0; padding: 44px 0; width: 1100px; background: #dcdfda; display: flex;
    justify-content: center; align-items: center; gap: 44px; }
  img { display: block; border-radius: 14px; box-shadow: 0 6px 18px rgb(0 0 0 / .18); }
  .phone { border: 9px solid #0b0c0c; border-radius: 40px; }
</style>
<img src="data:image/png;base64,%s" width="660">
<img class="phone" src="data:image/png;base64,%s" width="300">"""


def main() -> None:
    """Render the issue as `newsletter render` does, and photograph it twice."""
    settings = replace(config.load(HOME.parent, {}), public_url="https://brief.example.org")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        page = render_files(settings, ISSUE, Path(scratch))[0]
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        desktop = _photograph(browser, page, "light", width=760, height=1052)
        phone = _photograph(browser, page, "dark", width=370, height=890, top="h2")
        frame = browser.new_page(viewport={"width": 1100, "height": 100})
        frame.set_content(FRAME % (desktop, phone))
        frame.screenshot(path=HOME / "letter.png", full_page=True)
        browser.close()


def _photograph(
    browser: Browser,
    page: Path,
    mode: Literal["light", "dark"],
    *,
    width: int,
    height: int,
    top: str = "body",
) -> str:
    view = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=mode, device_scale_factor=2
    )
    view.goto(page.as_uri())
    view.evaluate(SCROLL, top)
    return base64.b64encode(view.screenshot()).decode()


if __name__ == "__main__":
    main()
