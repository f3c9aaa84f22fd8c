"""`newsletter preview` from outside: its address, who may ask, how it stops."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.newsletter import is_one_error
from tests.support.preview import SLUG, TEXT, previewing, write

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

FIXABLE = TEXT + "\n• Een opsomming\n• die geen lijst is\n"


def test_the_address_is_printed_first_and_only_this_machine_reaches_it(root: Path) -> None:
    write(root)
    with previewing(root) as preview:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", preview.url)
        assert preview.view()["letter"]["subject"] == "Ruimte voor rust"
        port = int(preview.origin.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), timeout=5)
        assert preview.stop() == 0
    assert not (root / ".newsletter").exists(), "looking creates no database"
    assert (root / "preview.log").read_text(encoding="utf-8") == "Press Ctrl-C to stop.\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_page_that_is_open_does_not_keep_it_from_stopping(root: Path, number: int) -> None:
    write(root)
    with previewing(root) as preview:
        opened, ended = threading.Event(), threading.Event()

        def listen() -> None:
            with preview.client.stream("GET", "events", params={"issue": SLUG}) as stream:
                for line in stream.iter_lines():
                    if line.startswith("data:"):
                        opened.set()
            ended.set()

        thread = threading.Thread(target=listen)
        thread.start()
        assert opened.wait(20)
        assert preview.stop(number) == 0
        assert ended.wait(20), "the stream was ended, not cut off"
        thread.join()


def test_a_change_is_announced_to_the_page(root: Path) -> None:
    path = write(root)
    with previewing(root) as preview:
        before = preview.view()["version"]
        with preview.client.stream("GET", "events", params={"issue": SLUG}) as stream:
            lines = (line for line in stream.iter_lines() if line.startswith("data:"))
            assert next(lines) == f"data: {before}"
            path.write_text(TEXT.replace("moeilijkste", "mooiste"), encoding="utf-8")
            assert int(next(lines).removeprefix("data: ")) > before
        assert "mooiste" in preview.view()["letter"]["text"]


def test_a_taken_port_is_one_error_with_a_hint(root: Path, run: Run) -> None:
    write(root)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("preview", "--no-open", "--port", str(port))
    assert done.returncode == 1
    assert is_one_error(done.stderr)
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "still running in another terminal" in done.stderr
    assert "--port 0 takes a free one" in done.stderr
    assert done.stdout == ""


def test_an_issue_that_does_not_exist_is_one_error(root: Path, run: Run) -> None:
    write(root)
    done = run("preview", "2026-12-06-rusd", "--no-open", "--port", "0")
    assert done.returncode == 1
    assert is_one_error(done.stderr)
    assert f"Did you mean {SLUG}?" in done.stderr


def test_without_issues_it_says_so(root: Path, run: Run) -> None:
    empty = root / "elders"
    empty.mkdir()
    (empty / "newsletter.toml").write_text('name = "Leeg"\n', encoding="utf-8")
    done = run("preview", "--no-open", "--port", "0", cwd=empty)
    assert done.returncode == 1
    assert "there is no folder issues/" in done.stderr
    assert [one.name for one in empty.iterdir()] == ["newsletter.toml"]


def test_a_part_of_a_slug_names_the_issue(root: Path) -> None:
    write(root)
    write(root, slug="2026-12-13-stilte")
    with previewing(root, "stilte") as preview:
        assert 'content="2026-12-13-stilte"' in preview.client.get("").text


def test_a_name_that_leads_here_and_a_wrong_token_read_nothing(root: Path) -> None:
    write(root)
    with previewing(root) as preview:
        rebound = preview.client.get("view", headers={"Host": "evil.example"})
        foreign = preview.client.get("view", headers={"Origin": "https://evil.example"})
        guessed = httpx.get(f"{preview.origin}/{'a' * 32}/view")
        bare = httpx.get(preview.origin)
        for answer in (rebound, foreign, guessed, bare):
            assert answer.status_code == 403
            assert "Ruimte" not in answer.text


def test_a_post_without_the_token_of_the_page_does_nothing(root: Path) -> None:
    write(root)
    with previewing(root) as preview:
        body = {"issue": SLUG, "to": "anna@example.org"}
        bare = preview.client.post("proof", json=body)
        foreign = preview.client.post(
            "proof", json=body, headers={**preview.post_headers(), "Origin": "https://evil.example"}
        )
        assert [bare.status_code, foreign.status_code] == [403, 403]
    assert not (root / ".newsletter").exists()


def test_every_answer_keeps_to_itself(root: Path) -> None:
    write(root)
    with previewing(root) as preview:
        for path in ("", "page.js", "page.css", "view", "frame", "nergens", "../x"):
            headers = preview.client.get(path).headers
            assert "default-src 'none'" in headers["content-security-policy"], path
            assert headers["cache-control"] == "no-store"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-content-type-options"] == "nosniff"
            assert "server" not in headers
        assert preview.client.get("nergens").status_code == 404


def test_no_file_of_the_machine_can_be_asked_for(root: Path) -> None:
    write(root)
    (root / "geheim.md").write_text("---\nsubject: Geheim\n---\nX.\n", encoding="utf-8")
    with previewing(root) as preview:
        for slug in ("../geheim", "geheim", "../../etc/passwd", "\0", "a" * 5000):
            assert preview.view(slug)["letter"] is None


def test_a_proof_goes_through_the_outbox(root: Path) -> None:
    write(root)
    with previewing(root) as preview:
        answer = preview.client.post(
            "proof",
            json={"issue": SLUG, "to": "Gerrit@example.org"},
            headers=preview.post_headers(),
        )
    assert answer.status_code == 200
    assert "does not count as a proof" in answer.json()["done"]
    (proof,) = (root / ".newsletter" / "outbox" / "_proofs").glob("*.eml")
    assert b"Subject: Proef: Ruimte voor rust" in proof.read_bytes()


@pytest.mark.parametrize("to", ["", "geen adres", "Gerrit <gerrit@example.org>", "a@b@c"])
def test_a_proof_to_what_is_no_address_is_refused_without_repeating_it(root: Path, to: str) -> None:
    write(root)
    with previewing(root) as preview:
        answer = preview.client.post(
            "proof", json={"issue": SLUG, "to": to}, headers=preview.post_headers()
        )
    assert answer.status_code == 409
    assert "@" not in answer.json()["sentence"].replace("an @", "")
    assert not (root / ".newsletter").exists()


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"issue": 1}', b"\xff", b"[" * 9000])
def test_a_post_that_is_no_json_is_refused(root: Path, body: bytes) -> None:
    write(root)
    with previewing(root) as preview:
        answer = preview.client.post("proof", content=body, headers=preview.post_headers())
    assert answer.status_code == 409
    assert answer.json()["sentence"] == "there is no such issue"


def test_the_page_is_opened_in_the_persons_browser(root: Path) -> None:
    write(root)
    (root / "bin").mkdir()
    for name in ("xdg-open", "open"):  # Linux, macOS
        opener = root / "bin" / name
        opener.write_text(
            f'#!/bin/sh\nprintf %s "$1" > {root}/part; mv {root}/part {root}/opened\n'
        )
        opener.chmod(0o755)
    path = os.pathsep.join((str(root / "bin"), os.environ["PATH"]))
    with previewing(root, opens=True, env={"PATH": path}) as preview:
        until = time.monotonic() + 30
        while not (root / "opened").exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        assert (root / "opened").read_text() == preview.url


def test_a_fix_shows_the_difference_and_then_writes_it(root: Path) -> None:
    path = write(root, FIXABLE)
    with previewing(root) as preview:
        assert [one["fixable"] for one in preview.view()["findings"]] == [True]
        shown = preview.client.get("fix", params={"issue": SLUG}).json()
        assert "-• Een opsomming" in shown["difference"]
        assert "+- Een opsomming" in shown["difference"]
        assert path.read_text(encoding="utf-8") == FIXABLE, "nothing is written yet"
        body = {"issue": SLUG, "hash": shown["hash"]}
        done = preview.client.post("fix", json=body, headers=preview.post_headers())
        assert done.json() == {"done": "It is written.", "issue": SLUG}
        assert path.read_text(encoding="utf-8") == FIXABLE.replace("• ", "- ")
        assert preview.client.get("fix", params={"issue": SLUG}).json()["sentence"]


def test_a_fix_of_a_file_that_changed_meanwhile_is_refused(root: Path) -> None:
    path = write(root, FIXABLE)
    with previewing(root) as preview:
        shown = preview.client.get("fix", params={"issue": SLUG}).json()
        path.write_text(FIXABLE + "\nEn nog een zin.\n", encoding="utf-8")
        body = {"issue": SLUG, "hash": shown["hash"]}
        refused = preview.client.post("fix", json=body, headers=preview.post_headers())
        assert refused.status_code == 409
        assert "changed meanwhile" in refused.json()["sentence"]
        bare = preview.client.post("fix", json=body)
        assert bare.status_code == 403
    assert path.read_text(encoding="utf-8") == FIXABLE + "\nEn nog een zin.\n"


@pytest.mark.parametrize("slug", ["nergens", "../x", ""])
def test_a_fix_of_what_is_no_issue_does_nothing(root: Path, slug: str) -> None:
    write(root, FIXABLE)
    with previewing(root) as preview:
        assert preview.client.get("fix", params={"issue": slug}).status_code == 409
        body = {"issue": slug, "hash": "a" * 64}
        done = preview.client.post("fix", json=body, headers=preview.post_headers())
    assert done.status_code == 409
