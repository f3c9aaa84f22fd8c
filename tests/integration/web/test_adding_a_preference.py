"""The steps of "A preference" in docs/architecture.md, taken in a copy of the program."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from newsletter import tokens
from newsletter.store.migrate import HEAD
from tests.support.processes import COMMAND
from tests.support.signups import letters, link_in
from tests.support.subscribers import fresh_store, sql
from tests.support.web_server import ENVIRONMENT, KEY, preferences_link

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "architecture.md"
EVA = "eva@example.org"
NEXT = f"{int(HEAD) + 1:04}"
MIGRATIONS = "newsletter/store/migrations/versions/"
MIGRATION = f'''"""The choice of large print."""

import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{HEAD}"


def upgrade() -> None:
    column = sa.Column("large_print", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("subscribers", column)
'''
COLUMN = """\
    sa.Column("large_print", sa.Boolean, nullable=False, server_default=sa.false()),
"""
FIELD = """\
    large_print: bool = field(default=False, metadata={"words": "gets large print"})
"""
NOTES = """\
  "large_print": "Je krijgt grote letters.",
  "no_large_print": "Je krijgt gewone letters.",
"""
BUTTON = """\
<form method="post" action="?">
{% if chosen.large_print %}
<button type="submit" name="do" value="no_large_print">Liever gewone letters</button>
{% else %}
<button type="submit" name="do" value="large_print">Liever grote letters</button>
{% endif %}
</form>
"""
TEMPLATE = "templates/pages/preferences.html.j2"
ADDITIONS = (
    ("newsletter/store/schema.py", COLUMN, '    sa.Column("block_reason", '),
    ("newsletter/model/subscribers.py", FIELD, "\n    def in_words("),
    (TEMPLATE, NOTES, '  "plain": "'),
    (TEMPLATE, BUTTON, "<h2>Afmelden</h2>"),
)
"""Of each file, what is added, and before what."""


def test_a_preference_is_a_column_a_field_and_the_words_of_its_page(
    tmp_path: Path, root: Path, database: str
) -> None:
    assert database  # where the list is
    env = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(copy_with_large_print(tmp_path))}
    with contextlib.closing(fresh_store(root)) as store:
        run(root, env, "db", "upgrade")
        with serving(root, env) as client:
            sign_up(root, client)
            (public_id,) = sql(store, "SELECT public_id FROM subscribers")[0]
            link = preferences_link(str(public_id))
            assert [one_choice(client, link, action) for action in ("large_print", "plain")] == [
                ("Je krijgt grote letters.", "no_large_print"),
                ("Je krijgt de brief voortaan als platte tekst.", "no_large_print"),
            ]
            assert client.post(link, data={"do": "no_small_print"}).status_code == 400
            own_data = client.get(f"{link}?gegevens").json()
            assert (own_data["plain_text"], own_data["large_print"]) == (True, True)
            shown = run(root, env, "subscribers", "show", EVA)
            assert "  gets letters as plain text\n  gets large print\n" in shown
            assert one_choice(client, link, "no_large_print")[1] == "large_print"
        document = json.loads(run(root, env, "subscribers", "show", EVA, "--json"))
        assert (document["plain_text"], document["large_print"]) == (True, False)
        assert "large print" not in run(root, env, "subscribers", "show", EVA)


def test_the_steps_name_every_file_that_a_preference_without_an_effect_needs() -> None:
    steps = PAGE.read_text(encoding="utf-8").split("\n### A preference\n")[1].split("\n4. ")[0]
    named = re.findall(r"`((?:newsletter|templates)/[\w./]+)`", steps)
    assert {*named} == {
        *(path for path, *_ in ADDITIONS),
        MIGRATIONS,
        "newsletter/store/migrate.py",
    }


def copy_with_large_print(folder: Path) -> Path:
    """Return a copy of the program that has one preference more."""
    for name in ("newsletter", "templates"):
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=skipped)
    for path, added, before in ADDITIONS:
        replace(folder / path, before, added + before)
    replace(folder / "newsletter/store/migrate.py", f'HEAD = "{HEAD}"', f'HEAD = "{NEXT}"')
    (folder / MIGRATIONS / f"{NEXT}_large_print.py").write_text(MIGRATION, encoding="utf-8")
    return folder


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, (file, old)
    file.write_text(text.replace(old, new), encoding="utf-8")


def run(root: Path, env: Mapping[str, str], *arguments: str) -> str:
    """Run the copy's command to its end; return what it prints."""
    done = subprocess.run(
        [COMMAND, *arguments], cwd=root, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def serving(root: Path, env: Mapping[str, str]) -> Iterator[httpx.Client]:
    """Run the copy's web app, as a client that asks it."""
    process = subprocess.Popen(
        [COMMAND, "serve", "--port", "0"], cwd=root, env=env, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    try:
        ready = next((line for line in process.stderr if ": serving on " in line), None)
        assert ready, "it did not start"
        with httpx.Client(base_url=ready.split()[-1], timeout=60) as client:
            yield client
    finally:
        process.kill()
        process.communicate(timeout=60)


def sign_up(root: Path, client: httpx.Client) -> None:
    """Sign up and confirm."""
    page = str(client.base_url).rstrip("/") + "/"
    stamp = tokens.form_stamp(KEY, int((time.time() - 60) * 1000), page)
    asked = client.post("/subscribe", data={"email": EVA, "first_name": "Eva", "stamp": stamp})
    assert asked.status_code == 200, asked.text
    (confirmation,) = letters(root, 1)
    assert client.post(link_in(confirmation, "c")).status_code == 200


def one_choice(client: httpx.Client, link: str, action: str) -> tuple[str, str]:
    """Press a button; return what the page says then, and the other button for large print."""
    answer = client.post(link, data={"do": action})
    assert answer.status_code == 200, answer.text
    (note,) = re.findall(r'<p class="note" role="status">(.*?)</p>', answer.text)
    (button,) = re.findall(r'value="(\w*large_print)"', answer.text)
    return note, button
