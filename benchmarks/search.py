"""What a search of the archive takes, in the app (< 20 ms) and in the browser (< 50 ms).

usage: search.py [ISSUES ...]

Issues are made of Dutch words by chance. With 500, a first search may load at most 200 KB (gzip).
"""

from __future__ import annotations

import gzip
import random
import shutil
import sys
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from newsletter.archive.analysis import analyse
from newsletter.archive.search_files import search_script
from newsletter.archive.search_index import SearchIndex, build, script
from newsletter.archive.search_query import search
from tests.support.generated_issues import THEMES, generate

NUMBERS = [int(one) for one in sys.argv[1:]] or [500, 5000]
ROUNDS = 7
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# Milliseconds for each query; the clock of a browser is coarse, so a query is asked often.
MEASURE = """([queries, rounds]) => queries.map((query) => {
  const began = performance.now();
  for (let round = 0; round < rounds; round++) archiveSearch.search(query, 10);
  return (performance.now() - began) / rounds;
})"""
OPEN = """(index) => {
  const began = performance.now();
  (0, eval)(index);
  return performance.now() - began;
}"""


def make_queries() -> list[str]:
    """Return what people ask: one or two words, and one typing error in some of them."""
    chance = random.Random(3)  # noqa: S311 - what happens by chance must happen again
    queries = []
    for number in range(200):
        words = chance.sample(THEMES, chance.randint(1, 2))
        if number % 2:
            at = chance.randrange(len(words[0]))
            words[0] = words[0][:at] + words[0][at + 1 :]
        queries.append(" ".join(words))
    return queries


def in_the_app(index: SearchIndex, queries: list[str]) -> list[float]:
    """Return the milliseconds that each query takes."""
    times = []
    for query in queries:
        began = time.perf_counter()
        for _ in range(ROUNDS):
            search(index, query, 10)
        times.append((time.perf_counter() - began) / ROUNDS * 1000)
    return times


def measure(page: Page, number: int) -> None:
    """Print one row of the table."""
    documents = [issue.document() for issue in generate(number)]
    queries = make_queries()
    began = time.perf_counter()
    kept = {one.slug: analyse(one) for one in documents}
    analysed = time.perf_counter() - began
    began = time.perf_counter()
    index = build(documents, lambda one: kept[one.slug])
    built = time.perf_counter() - began
    file = script(index)
    page.goto("about:blank")
    page.add_script_tag(content=search_script().decode())
    opened = page.evaluate(OPEN, file.decode())
    size = sum(len(gzip.compress(one, 9)) for one in (file, search_script()))
    cells = [f"{number:,}", f"{analysed:.1f} s", f"{built:.1f} s", f"{size / 1000:.0f} KB"]
    cells.append(f"{opened:.0f}")
    for times in (in_the_app(index, queries), page.evaluate(MEASURE, [queries, ROUNDS])):
        cells += [f"{median(times):.1f}", f"{max(times):.1f}"]
    print("| " + " | ".join(cells) + " |")


print("| issues | read | built | first load | opened, ms | app, ms | max | browser, ms | max |")
print("|---|---|---|---|---|---|---|---|---|")
with sync_playwright() as playwright:
    path = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
    for issues in NUMBERS:
        measure(browser.new_page(), issues)
    browser.close()
