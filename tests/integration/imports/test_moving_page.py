"""`docs/moving.md`: the commands of each tool, run as written on that tool's export."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.integration.imports.test_formats import EXPORTS, MAILCHIMP, MAILCHIMP_ROW
from tests.support.processes import run_command

PAGE = Path(__file__).parents[3] / "docs" / "moving.md"
LISTMONK = "uuid,email,name,attributes,status,created_at,updated_at\n"
LISTMONK_ROW = "a1,{email},Anna Vries,{{}},{status},2021-03-04 05:06:07.123456 +0000 UTC,\n"


def mailchimp(email: str, column: str = "") -> str:
    """Return one of Mailchimp's three files, with one person."""
    row = MAILCHIMP_ROW.format(email=email)
    return (
        f"{MAILCHIMP},{column}\n{row},2022-01-01 00:00:00\n" if column else f"{MAILCHIMP}\n{row}\n"
    )


FILES = {
    "Mailchimp": {
        "subscribed.csv": mailchimp("anna@example.org"),
        "unsubscribed.csv": mailchimp("bas@example.org", "UNSUB_TIME"),
        "cleaned.csv": mailchimp("cor@example.org", "CLEAN_TIME"),
    },
    # People who left one list are "enabled" in the tool as a whole.
    "listmonk": {
        "subscribers.csv": LISTMONK
        + LISTMONK_ROW.format(email="anna@example.org", status="enabled"),
        "unsubscribed.csv": LISTMONK
        + LISTMONK_ROW.format(email="bas@example.org", status="enabled"),
    },
}


def sections() -> dict[str, list[str]]:
    """Return the commands of the page for each tool."""
    parts = re.split(r"^### (\w+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = {}
    for tool, text in zip(parts[1::2], parts[2::2], strict=True):
        blocks = re.findall(r"```sh\n(.*?)```", text.partition("\n## ")[0], re.DOTALL)
        found[tool] = [line for block in blocks for line in block.splitlines()]
    return found


@pytest.mark.parametrize("tool", sections())
def test_the_commands_import_subscribed_people_and_nobody_else(tmp_path: Path, tool: str) -> None:
    (tmp_path / "issues").mkdir()
    (tmp_path / "newsletter.toml").write_text('name = "Stil Water"\n', encoding="utf-8")
    commands = [shlex.split(line) for line in sections()[tool]]
    files = FILES.get(tool) or {commands[0][3]: EXPORTS[tool.lower()][0]}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert [command[3] for command in commands] == [*files]
    for program, *arguments in commands:
        assert program == "newsletter"
        done = run_command(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    listed = run_command("subscribers", "list", cwd=tmp_path)
    statuses = {line.split("\t")[0]: line.split("\t")[2] for line in listed.stdout.splitlines()}
    assert [email for email, status in statuses.items() if status == "active"] == [
        "anna@example.org"
    ]
    assert len(statuses) > 1


def test_every_tool_of_the_table_has_its_commands() -> None:
    table = re.findall(r"^\| \[(\w+)\]\(#", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert table == [*sections()]
    assert all(sections().values())
