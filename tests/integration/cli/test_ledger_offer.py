"""On a terminal, `send` offers to write the ledger into the settings; `status` prints it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from newsletter.store import url
from tests.support.newsletter import Newsletter
from tests.support.processes import COMMAND, run_command
from tests.support.providers.fake_resend import FakeResend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

QUESTION = 'Write ledger = "{}" into {}?'


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    return Newsletter(root, subscribers=3)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeResend]:
    with FakeResend(tmp_path / "taken") as fake:
        yield fake


def answered(newsletter: Newsletter, env: dict[str, str], answers: str, *arguments: str) -> str:
    """Run a command on a terminal with these lines as its answers; return all that it printed."""
    master, slave = pty.openpty()
    os.write(master, answers.encode())
    done = run_command(*arguments, cwd=newsletter.root, env=env, stdin=slave)
    os.close(slave)
    os.close(master)
    return done.stdout + done.stderr


def without_ledger(newsletter: Newsletter, fake: FakeResend) -> dict[str, str]:
    """Empty the setting in a file with comments and Windows line endings."""
    env = newsletter.for_real(fake.url)
    path = newsletter.root / "newsletter.toml"
    text = re.sub(r'ledger = ".*"', 'ledger = ""   # see below', path.read_text(encoding="utf-8"))
    path.write_bytes(f"# Mine\n{text}\n# The end\n".replace("\n", "\r\n").encode())
    return env


def test_yes_writes_the_line_and_changes_nothing_else(
    newsletter: Newsletter, fake: FakeResend
) -> None:
    env = without_ledger(newsletter, fake)
    path = newsletter.root / "newsletter.toml"
    before = path.read_bytes()
    ledger = newsletter.settings.ledger
    shown = answered(newsletter, env, "y\n", "send", "--due")
    assert QUESTION.format(ledger, "newsletter.toml") in shown
    assert "subscribers: 3\n" in shown
    assert path.read_bytes() == before.replace(b'ledger = ""', f'ledger = "{ledger}"'.encode())
    assert "Write ledger" not in answered(newsletter, env, "y\n", "send", "--due")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".newsletter/production.env", "NEWSLETTER_DATABASE_URL=\n"),
        (".newsletter/production.env", "NEWSLETTER_DATABASE_URL=postgresql://u@h/d\n"),
        (".github/workflows/send.yml", "NEWSLETTER_DATABASE_URL: ${{ secrets.X }}\n"),
        (".forgejo/workflows/send.yml", "NEWSLETTER_DATABASE_URL: ${{ secrets.X }}\n"),
        (".gitlab-ci.yml", "# NEWSLETTER_DATABASE_URL is a variable of the project\n"),
    ],
)
def test_a_file_here_is_not_offered_while_jobs_have_another_database(
    newsletter: Newsletter, fake: FakeResend, file: str, text: str
) -> None:
    env = without_ledger(newsletter, fake)
    path = newsletter.root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    before = (newsletter.root / "newsletter.toml").read_bytes()
    shown = answered(newsletter, env, "y\n", "send", "--due")
    here = url.VARIABLE not in env
    assert ("Write ledger" in shown) != here
    if here:
        assert f"{file} gives the jobs another one" in shown
        assert f"and {file} gives the jobs another database" in shown
        assert "set in newsletter.toml" not in shown
        assert (newsletter.root / "newsletter.toml").read_bytes() == before


@pytest.mark.parametrize("answer", ["n", "", "q\nn"])
def test_anything_but_yes_changes_nothing(
    newsletter: Newsletter, fake: FakeResend, answer: str
) -> None:
    env = without_ledger(newsletter, fake)
    before = (newsletter.root / "newsletter.toml").read_bytes()
    assert "Write ledger" in answered(newsletter, env, f"{answer}\n", "send", "--due")
    assert (newsletter.root / "newsletter.toml").read_bytes() == before


def test_send_goes_on_with_the_ledger_that_it_wrote(
    newsletter: Newsletter, fake: FakeResend
) -> None:
    env = without_ledger(newsletter, fake)
    shown = answered(newsletter, env, "y\ny\n", "send", newsletter.slug, "--no-preflight")
    assert "Write ledger" in shown
    assert len(fake.taken()) == 3, shown


def test_send_due_offers_it_too(newsletter: Newsletter, fake: FakeResend) -> None:
    env = without_ledger(newsletter, fake)
    assert "Write ledger" in answered(newsletter, env, "n\n", "send", "--due")


def test_without_a_terminal_nothing_is_asked_or_written(
    newsletter: Newsletter, fake: FakeResend, run: Run
) -> None:
    env = without_ledger(newsletter, fake)
    before = (newsletter.root / "newsletter.toml").read_bytes()
    for arguments in (("status",), ("send", newsletter.slug, "--yes"), ("send", "--due")):
        done = run(*arguments, env=env)
        assert "Write ledger" not in done.stdout + done.stderr
    assert (newsletter.root / "newsletter.toml").read_bytes() == before


@pytest.mark.parametrize("typed", ["another", "the same"])
def test_a_line_that_was_written_while_the_question_was_open_is_never_replaced(
    newsletter: Newsletter, fake: FakeResend, typed: str
) -> None:
    env = without_ledger(newsletter, fake)
    path = newsletter.root / "newsletter.toml"
    own = newsletter.settings.ledger
    master, slave = pty.openpty()
    with subprocess.Popen(
        [COMMAND, "send", "--due"],
        cwd=newsletter.root,
        env={**os.environ, **env},
        stdin=slave,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr
        shown = b""
        while b"Write ledger" not in shown:
            shown += os.read(process.stderr.fileno(), 1000) or pytest.fail(shown.decode())
        theirs = {"another": "another", "the same": own}[typed].encode()
        changed = path.read_bytes().replace(b'ledger = ""', b'ledger = "%s"' % theirs)
        path.write_bytes(changed)
        os.write(master, b"y\n")
        shown += process.stderr.read()
    os.close(slave)
    os.close(master)
    assert path.read_bytes() == changed, shown
    refused = typed == "another"
    assert (process.returncode, b"in the meantime" in shown) == (int(refused), refused), shown


def test_it_is_never_offered_where_it_would_be_wrong(
    newsletter: Newsletter, fake: FakeResend
) -> None:
    env = newsletter.for_real(fake.url)
    path = newsletter.root / "newsletter.toml"
    path.write_text(re.sub(r'ledger = ".*"', 'ledger = "another"', path.read_text()))
    assert "Write ledger" not in answered(newsletter, env, "y\n", "send", "--due")  # another id
    env = without_ledger(newsletter, fake)
    outbox = {**env, "NEWSLETTER_PROVIDER": "outbox"}
    assert "Write ledger" not in answered(newsletter, outbox, "y\n", "send", "--due")
    assert 'ledger = ""' in path.read_text()
    newsletter.sql("DELETE FROM subscribers")
    assert "Write ledger" not in answered(newsletter, env, "y\n", "send", "--due")  # an empty list


def test_a_database_is_named_without_its_password(newsletter: Newsletter, fake: FakeResend) -> None:
    shown = url.without_password("postgresql://anna:secret@db.example.org/letters")
    assert "secret" not in shown
    assert "db.example.org" in shown
    env = without_ledger(newsletter, fake)
    path = newsletter.root / ".newsletter" / "newsletter.db"
    assert f"database:    {path}" in answered(newsletter, env, "n\n", "send", "--due")


def test_status_prints_the_line_to_set_and_asks_nothing(
    newsletter: Newsletter, fake: FakeResend
) -> None:
    env = without_ledger(newsletter, fake)
    path = newsletter.root / "newsletter.toml"
    before = path.read_bytes()
    shown = answered(newsletter, env, "y\n", "status")
    line = f'set in newsletter.toml: ledger = "{newsletter.settings.ledger}"'
    assert line in shown
    assert "Write ledger" not in shown
    assert path.read_bytes() == before
    assert line not in answered(newsletter, env, "", "status", "--json")
