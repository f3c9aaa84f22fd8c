"""What `newsletter preview` takes from a save to what the browser has painted: less than 300 ms.

usage: previewing.py [SAVES] [ISSUES]

Beside it, in turns: another subscriber is chosen, which needs the same answer and the same paint
but no save, no poll and no rendering. And what reading, checking and rendering take, warm.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from interleaved import ENVIRONMENT, NEWSLETTER
from playwright.sync_api import Page, sync_playwright

from newsletter import config
from newsletter.desk.preview.reading import read_issue

SAVES = int(sys.argv[1]) if len(sys.argv) > 1 else 25
ISSUES = int(sys.argv[2]) if len(sys.argv) > 2 else 3  # noqa: PLR2004 - the second argument
LIMIT = 300
SAMPLE = min((Path(__file__).parents[1] / "issues").glob("*.md"))
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

# Resolves when both frames hold a text and the browser has painted that.
PAINTED = """(text) => new Promise((resolve) => {
    const frames = [...document.querySelectorAll("iframe")];
    const holds = (frame) => frame.contentDocument.body.textContent.includes(text);
    const look = () => {
        if (!frames.every(holds)) { requestAnimationFrame(look); return; }
        requestAnimationFrame(() => requestAnimationFrame(
            () => resolve(performance.timeOrigin + performance.now())));
    };
    look();
})"""


def make_root(root: Path) -> Path:
    """Write a newsletter with some issues; return the file of the one that is shown."""
    (root / "newsletter.toml").write_text('name = "Jij en Loslaten"\n', encoding="utf-8")
    (root / "issues").mkdir()
    text = SAMPLE.read_text(encoding="utf-8")
    for number in range(1, ISSUES):
        year, day = 2027 + number // 300, number % 300
        name = f"{year}-{day // 28 + 1:02}-{day % 28 + 1:02}-nummer-{number}.md"
        (root / "issues" / name).write_text(f"{text}\nNummer {number}.\n", encoding="utf-8")
    shown = root / "issues" / SAMPLE.name
    shown.write_text(text, encoding="utf-8")
    return shown


def save_to_paint(page: Page, file: Path, text: str, number: int) -> float:
    """Save the file with another sentence; return the milliseconds until it is painted."""
    sentence = f"Zin nummer {number}."
    began = time.time()
    file.write_text(f"{text}\n{sentence}\n", encoding="utf-8")
    return float(page.evaluate(PAINTED, sentence)) - began * 1000


def choice_to_paint(page: Page, number: int) -> float:
    """Choose another subscriber; return the milliseconds until their letter is painted."""
    name, greeting = (("nameless", "Dag,"), ("anna", "Dag Anna,"))[number % 2]
    choose = """([name]) => {
        const select = document.getElementById("subscriber");
        select.value = name;
        select.dispatchEvent(new Event("change"));
        return performance.timeOrigin + performance.now();
    }"""
    began = page.evaluate(choose, [name])
    return float(page.evaluate(PAINTED, greeting)) - began


def reading_times(root: Path, file: Path) -> list[float]:
    """Return the milliseconds that it takes to read, check and render the issue, warm."""
    settings, times = config.load(root, {}), []
    for _ in range(SAVES + 1):
        began = time.perf_counter()
        assert read_issue(settings, file, None).shown
        times.append((time.perf_counter() - began) * 1000)
    return times[1:]


def measure(root: Path, file: Path) -> dict[str, list[float]]:
    """Take the times of each kind, in turns."""
    text = file.read_text(encoding="utf-8")
    command = [NEWSLETTER, "preview", file.stem, "--no-open", "--port", "0"]
    server = subprocess.Popen(
        command,
        cwd=root,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=browser_path, args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(server.stdout.readline().strip())
            page.evaluate(PAINTED, "Dag Anna,")
            times: dict[str, list[float]] = {"from save to paint": [], "another subscriber": []}
            for number in range(SAVES):
                # At any moment of a poll, and not always the same one.
                time.sleep(0.1 + number % 10 * 0.005)
                times["from save to paint"].append(save_to_paint(page, file, text, number))
                times["another subscriber"].append(choice_to_paint(page, number))
            browser.close()
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()
    return times


with tempfile.TemporaryDirectory() as folder:
    shown = make_root(Path(folder))
    taken = measure(Path(folder), shown)
    taken["read, check and render"] = reading_times(Path(folder), shown)
print(f"| {SAVES} saves, {ISSUES} issues, ms | median | 95 % | max |")
print("|---|---|---|---|")
for name, of_one in taken.items():
    ordered = sorted(of_one)
    late = ordered[int(len(ordered) * 0.95)]
    print(f"| {name} | {median(ordered):.0f} | {late:.0f} | {ordered[-1]:.0f} |")
print(f"\nPython {sys.version.split()[0]}; made by `.venv/bin/python benchmarks/previewing.py`")
print(f"The limit, from save to paint: {LIMIT} ms.")
