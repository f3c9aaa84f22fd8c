"""Pictures of a letter, as a phone and a desktop show it, in light and in dark colours.

A Chrome or Chromium of this machine makes them, without a network: what a stranger wrote fetches
nothing, and no script of a letter runs.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from newsletter.errors import NewsletterError
from newsletter.operating_system import is_root

_NAMES: Final = (
    "google-chrome-stable",
    "google-chrome",
    "chromium",
    "chromium-browser",
    "chromium-headless-shell",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
_FLAGS: Final = (
    "--headless",
    "--hide-scrollbars",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-default-browser-check",
    # No name is found, and every address is behind a proxy that nobody serves.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
)
_SECONDS: Final = 60
_HIGHEST: Final = 16_000  # pixels: Chrome makes no higher picture
# A window is no narrower than this: a phone is shown in the middle of it.
_NARROWEST: Final = 500


@dataclass(frozen=True, slots=True)
class _View:
    name: str
    width: int
    scheme: str

    @property
    def window(self) -> int:
        return max(self.width, _NARROWEST)


_VIEWS: Final = tuple(
    _View(f"{device}-{scheme}", width, scheme)
    for device, width in (("phone", 375), ("desktop", 800))
    for scheme in ("light", "dark")
)
_REPORT: Final = """<script>onload = () => {
  document.title = JSON.stringify([...document.querySelectorAll("iframe")].map(frame => [
    frame.contentDocument.documentElement.scrollHeight,
    frame.contentWindow.matchMedia("(prefers-color-scheme: dark)").matches]));
};</script>"""


def take_pictures(letter: Path) -> list[Path]:
    """Write four pictures of a letter beside its HTML file, as `SLUG-phone-dark.png`.

    Raises:
        NewsletterError: There is no browser, or it fails.
    """
    browser = _find_browser()
    text = letter.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="newsletter-", ignore_cleanup_errors=True) as scratch:
        page = Path(scratch) / "page.html"
        heights = _measure(browser, page, text)
        taken = []
        for view, height in zip(_VIEWS, heights, strict=True):
            page.write_text(_page(text, letter, view, height), encoding="utf-8")
            picture = letter.with_name(f"{letter.stem}-{view.name}.png")
            picture.unlink(missing_ok=True)
            size = f"--window-size={view.window},{height}"
            _run(browser, page, size, f"--screenshot={picture}")
            if not picture.is_file():
                raise _failed(browser, "it made no picture")
            taken.append(picture)
    return taken


def _measure(browser: str, page: Path, text: str) -> list[int]:
    """Return how high the letter is in each view."""
    page.write_text("".join(_page(text, page, view, 100) for view in _VIEWS) + _REPORT, "utf-8")
    shown = _run(browser, page, "--dump-dom")
    title = re.search(r"<title>(\[\[.*?\]\])</title>", shown)
    if title is None:
        raise _failed(browser, "it did not show the letter")
    found = json.loads(html.unescape(title[1]))
    if [dark for _, dark in found] != [view.scheme == "dark" for view in _VIEWS]:
        raise _failed(browser, "it is too old to show a letter in dark colours")
    return [min(max(int(height), 1), _HIGHEST) for height, _ in found]


def _page(text: str, letter: Path, view: _View, height: int) -> str:
    """Return a page that shows a letter as if the window were that wide."""
    base = html.escape(letter.absolute().parent.as_uri() + "/")
    return (
        f'<!doctype html><meta charset="utf-8"><base href="{base}"><title></title>'
        "<style>body { margin: 0; background: #888 }</style>"
        # The colours of a frame are those that the page wants for it.
        f'<iframe sandbox="allow-same-origin" style="display: block; margin: 0 auto; border: 0; '
        f'width: {view.width}px; height: {height}px; color-scheme: {view.scheme}" '
        f'srcdoc="{html.escape(text)}"></iframe>'
    )


def _find_browser() -> str:
    for name in _NAMES:
        if path := shutil.which(name):
            return path
    raise NewsletterError(
        "there is no Chrome or Chromium on this machine to take pictures with",
        hint="Install one (Debian: apt-get install chromium), or leave out --pictures",
    )


def _run(browser: str, page: Path, *flags: str) -> str:
    """Run the browser once; return what it prints."""
    own = [f"--user-data-dir={page.parent / 'profile'}", *_no_sandbox()]
    try:
        done = subprocess.run(  # noqa: S603 - the browser of this machine
            [browser, *_FLAGS, *own, *flags, page.as_uri()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _failed(browser, f"it took more than {_SECONDS} seconds") from None
    except OSError as error:
        raise _failed(browser, error.strerror or "it cannot be started") from None
    if done.returncode != 0:
        last = " ".join(done.stderr.split())[-200:]
        raise _failed(browser, f"it ended with {done.returncode}: {last}")
    return done.stdout


def _no_sandbox() -> tuple[str, ...]:
    """Return what Chrome needs to run as root, as jobs in containers do."""
    return ("--no-sandbox",) if is_root() else ()


def _failed(browser: str, why: str) -> NewsletterError:
    return NewsletterError(
        f"the browser takes no pictures: {why}",
        where=browser,
        hint="Start it by hand once, or leave out --pictures",
    )
