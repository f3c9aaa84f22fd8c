"""From a file of another tool and a file in `issues/` to a letter for everyone: the whole way."""

from __future__ import annotations

import json
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

from tests.support.newsletter import write_issue

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path


def test_a_thousand_imported_subscribers_get_one_letter_each(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    rows = [f"lezer.{n}+brief@example.org,Zoë {n},de Vries,subscribed" for n in range(1000)]
    rows += [f"weg.{n}@example.org,Weg,de Vries,{word}" for n, word in enumerate(("cleaned", "x"))]
    table = "Email Address,First Name,Last Name,Email Marketing Status\n" + "\n".join(rows)
    (root / "members.csv").write_text(table, encoding="utf-8")
    slug = write_issue(root)
    imported = run("subscribers", "import", "members.csv", "--consent", "Via de site", "--json")
    assert imported.returncode == 0, imported.stderr
    counts = json.loads(imported.stdout)
    assert (counts["rows"], counts["added"], counts["skipped"]) == (1002, 1000, 2)

    assert run("send", slug).returncode == 0
    folder = root / ".newsletter" / "outbox" / slug
    written = {file: file.stat().st_mtime_ns for file in folder.glob("*.eml")}
    to = set()
    for file in written:
        mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        to.add(mail["To"])
        number = mail["To"].split("+")[0].removeprefix("lezer.")
        assert f"Dag Zoë {number}," in mail.get_body(("plain",)).get_content()  # type: ignore[attr-defined]
    assert len(written) == len(to) == 1000

    again = run("send", slug)
    assert again.returncode == 0
    assert "nothing was sent" in again.stderr
    assert {file: file.stat().st_mtime_ns for file in folder.glob("*.eml")} == written
