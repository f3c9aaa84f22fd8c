"""The stand-in keeps Resend's promises, also as the process that others start it as."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from newsletter.model import Accepted, Unknown
from newsletter.providers.http import HttpClient
from newsletter.providers.resend.send import BASE, Resend
from tests.support.providers.batches import batch
from tests.support.providers.fake_resend import FakeResend, found

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.providers.base import SubmitResult

MODULE = "tests.support.providers.fake_resend"


def kinds(said: SubmitResult) -> set[type]:
    return {type(outcome) for outcome in said.outcomes.values()}


@pytest.mark.parametrize("fast", [True, False])
def test_as_a_process_it_prints_its_port_notes_letters_and_takes_faults(
    tmp_path: Path, *, fast: bool
) -> None:
    ledger = tmp_path / "taken.jsonl"
    command = [
        sys.executable,
        "-m",
        MODULE,
        "--port",
        "0",
        "--ledger",
        ledger,
        "--require-key",
        "re_x",
    ]
    with subprocess.Popen(
        [*command, *(["--fast"] if fast else [])], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        wire = HttpClient()
        resend, stranger = Resend("re_x", url, wire), Resend("re_y", url, wire)
        try:
            sent = [batch(key=f"k{number}") for number in range(3)]
            said = wire.post(f"{url}/faults", headers={}, parts=(b'{"2": "500-accepted"}',))
            assert "200" in str(said)
            said = [kinds(resend.submit(one, resend.build(one))) for one in sent]
            assert said == [{Accepted}, {Unknown}, {Accepted}]
            assert Accepted not in kinds(stranger.submit(sent[0], stranger.build(sent[0])))
        finally:
            process.terminate()
            for opened in (resend, stranger, wire):
                opened.close()
    lines = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    assert [(line["key"], line["to"], line["ref"]) for line in lines] == [
        (one.key, subscriber.email, subscriber.ref) for one in sent for subscriber in one.recipients
    ]
    assert len({line["digest"] for line in lines}) == 1


def test_a_repeated_request_gets_an_error_while_the_first_is_under_way(tmp_path: Path) -> None:
    with FakeResend(tmp_path / "taken.jsonl", latency=0.3) as fake:
        resend = Resend("re_x", fake.url, HttpClient())
        said: list[set[type]] = []

        def submit() -> None:
            said.append(kinds(resend.submit(batch(), resend.build(batch()))))

        threads = [threading.Thread(target=submit) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        resend.close()
        assert sorted(map(str, said)) == sorted(map(str, [{Accepted}, {Unknown}]))
        assert len(fake.taken()) == 2


def test_it_finds_the_same_letters_without_reading_json() -> None:
    sent = batch("a@example.org", "b@example.org", name='"to":["x"],"delivery","value":"y"')
    body = b"".join(Resend("re_x", BASE, HttpClient()).build(sent).parts)
    assert found(body) == [(subscriber.email, subscriber.ref) for subscriber in sent.recipients]
