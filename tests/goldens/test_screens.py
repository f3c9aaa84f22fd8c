"""Letters that hold every block look as they did: pictures of them, and their bytes."""

from __future__ import annotations

from io import BytesIO
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest
from PIL import Image, ImageChops

from newsletter import mime, pictures, render
from newsletter.desk.issues import sample_message
from tests.support.issues import every_block
from tests.support.letter_fonts import with_fonts
from tests.support.letters import BRANDS, open_brand

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SCREENS, FILES = Path(__file__).with_name("screens"), Path(__file__).with_name("files")
MOST = 0.001
"""The share of its pixels in which a picture may differ from the recorded one."""

ALIKE = 24
"""Of 255: how far a colour may be off, because recorded pictures have 128 colours."""

COLOURS = 128


class Screen(NamedTuple):
    """How a letter is looked at."""

    brand: str
    width: int
    mode: Literal["light", "dark"]
    pictures: bool

    @property
    def name(self) -> str:
        """The name of its file."""
        end = "" if self.pictures else "-no-pictures"
        return f"{self.brand}-{self.width}-{self.mode}{end}.png"


ALL = [Screen(*one) for one in product(BRANDS, (375, 800), ("light", "dark"), (True, False))]


@pytest.fixture(scope="session")
def letters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """Return the files of each brand's letter, by their names; copies of its pictures are there."""
    return {brand: write_letter(brand, tmp_path_factory.mktemp(brand)) for brand in BRANDS}


def write_letter(brand: str, folder: Path) -> dict[str, Path]:
    settings, draft = open_brand(brand)
    assert draft.issue
    letter = render.letter(draft.issue, settings)
    message = sample_message(letter, draft.slug, draft.issue.send_at, "Anna")
    written = {
        ".html": message.html.encode(),
        ".txt": message.text.encode(),
        ".eml": mime.eml(message),
        "shown.html": pictures.show_copies(message.html, letter.pictures, settings, "").encode(),
        **pictures.copy_pictures(draft.issue, settings),
    }
    for name, data in written.items():
        (folder / name).write_bytes(data)
    return {name: folder / name for name in written}


@pytest.mark.parametrize("brand", BRANDS)
def test_the_letters_hold_every_block(brand: str) -> None:
    _, draft = open_brand(brand)
    assert draft.findings == ()
    assert {block.kind for block in draft.blocks} == {block.kind for block in every_block().blocks}


@pytest.mark.parametrize("screen", ALL, ids=lambda screen: screen.name)
def test_a_letter_looks_as_it_was_recorded(
    screen: Screen,
    letters: dict[str, dict[str, Path]],
    browser: Browser,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    seen = photograph(browser, letters[screen.brand]["shown.html"], screen)
    file = SCREENS / screen.name
    if request.config.getoption("--update-golden") in {"all", "screens"}:
        file.parent.mkdir(exist_ok=True)
        if not file.exists() or difference(Image.open(file).convert("RGB"), seen):
            flat = seen.quantize(COLOURS, dither=Image.Dither.NONE)
            flat.save(file, optimize=True)
    recorded = Image.open(file).convert("RGB")
    share = difference(recorded, seen)
    if share > MOST:
        seen.save(tmp_path / "seen.png")
        ImageChops.difference(recorded, seen.resize(recorded.size)).save(
            tmp_path / "difference.png"
        )
    assert share <= MOST, (
        f"{share:.2%} of the pixels differ from {file}: see {tmp_path}. To record the new look:"
        " ./dev test --update-golden"
    )


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("suffix", [".html", ".txt", ".eml"])
def test_a_letter_has_the_recorded_bytes(
    brand: str,
    suffix: str,
    letters: dict[str, dict[str, Path]],
    request: pytest.FixtureRequest,
) -> None:
    file, seen = FILES / f"{brand}{suffix}", letters[brand][suffix].read_bytes()
    if request.config.getoption("--update-golden") in {"all", "files"}:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(seen)
    assert seen.splitlines() == file.read_bytes().splitlines()
    assert seen == file.read_bytes()


def test_a_change_of_one_word_colour_or_size_would_be_seen(
    letters: dict[str, dict[str, Path]], browser: Browser
) -> None:
    screen = ALL[0]
    letter = letters[screen.brand]["shown.html"]
    html = letter.read_text(encoding="utf-8")
    first = photograph(browser, letter, screen)
    assert difference(first, photograph(browser, letter, screen)) == 0
    changed = letter.with_name("changed.html")
    for old, new in (
        ("Lees het hele verhaal", "Lees het verhaal"),
        ("#2f5d50", "#2f5d88"),
        ("font-size:22px", "font-size:23px"),
    ):
        assert old in html
        changed.write_text(html.replace(old, new), encoding="utf-8")
        assert difference(first, photograph(browser, changed, screen)) > MOST


def photograph(browser: Browser, letter: Path, screen: Screen) -> Image.Image:
    """Return a picture of a whole letter."""
    shown = letter.with_name(f"shown-{screen.name}.html")
    shown.write_text(with_fonts(letter.read_text(encoding="utf-8")), encoding="utf-8")
    size: Any = {"width": screen.width, "height": 600}
    page = browser.new_page(viewport=size, color_scheme=screen.mode)
    try:
        if not screen.pictures:
            page.route("**/*.png", lambda route: route.abort())
        page.goto(shown.as_uri(), wait_until="load")
        page.evaluate("document.fonts.ready")
        png = page.screenshot(full_page=True)
    finally:
        page.close()
    return Image.open(BytesIO(png)).convert("RGB")


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the share of pixels whose colour is another one; of pictures of two sizes, all."""
    if one.size != other.size:
        return 1.0
    channels = ImageChops.difference(one, other).split()
    most = ImageChops.lighter(ImageChops.lighter(channels[0], channels[1]), channels[2])
    return sum(most.histogram()[ALIKE + 1 :]) / (one.width * one.height)
