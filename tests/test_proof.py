from __future__ import annotations

import contextlib
import json
import re
from dataclasses import replace
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest
from fake_resend import FAULTS, FakeResend
from house import House, Provider

from newsletter import delivery, desk, tokens
from newsletter.delivery import preflight
from newsletter.errors import ContentError, DecisionNeeded, NewsletterError, TryAgain
from newsletter.model import Refused, Rejected, RetryLater, Unknown
from newsletter.providers import open_provider
from newsletter.subscriptions.addresses import parse_address

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from newsletter.delivery import Proof
    from newsletter.model import Batch, Outcome

    Run = Callable[..., subprocess.CompletedProcess[str]]

AUTHOR = "Gerrit.Schrijft@example.org"
NOBODY = "0" * 32


@pytest.fixture
def house(root: Path, database: str) -> House:  # noqa: ARG001 - on both
    return House(root, readers=3)


def prove(house: House, provider: Any, to: str = AUTHOR) -> Proof:  # noqa: ANN401 - any provider
    _, draft = desk.draft_if_there(house.settings, house.slug)
    assert draft
    address = parse_address(to)
    return delivery.proof(
        house.store, house.settings, provider, draft, email=address.given, key=address.key
    )


def kept(house: House) -> list[tuple[object, ...]]:
    return house.sql("SELECT slug, letter_hash, ref, provider, provider_id FROM proofs")


def change(house: House, before: str, after: str) -> None:
    path = house.root / "issues" / f"{house.slug}.md"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_a_proof_is_one_marked_copy_and_nothing_in_the_ledger(house: House, tmp_path: Path) -> None:
    sent: list[Batch] = []
    provider = Provider(tmp_path / "taken", answer=sent.append)
    made = prove(house, provider)
    (batch,) = sent
    (reader,) = batch.recipients
    assert batch.slug == "_proofs"
    assert batch.letter.subject == "Proef: Over rust"
    assert (reader.email, reader.greeting) == (AUTHOR, "Dag,")
    assert kept(house) == [(house.slug, made.letter_hash, reader.ref, "fake", made.provider_id)]
    for table in ("mailings", "deliveries", "batches"):
        assert house.sql(f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608 - a name


def test_its_leave_link_is_nobodys(house: House, tmp_path: Path) -> None:
    sent: list[Batch] = []
    prove(house, Provider(tmp_path / "taken", answer=sent.append))
    link = sent[0].recipients[0].leave_url
    token = link.removeprefix("https://brief.example.org/u/")
    assert token == preflight.reserved_token(house.settings.secret_keys[0])
    assert tokens.read_leave_token(house.settings.secret_keys, token) == (NOBODY, NOBODY)


def test_what_was_proofed_is_what_goes_out(house: House, tmp_path: Path) -> None:
    made = prove(house, Provider(tmp_path / "proof"))
    report = house.send(Provider(tmp_path / "taken"))
    assert report.receipt.mailing.letter_hash == made.letter_hash
    assert report.receipt.proofed


@pytest.mark.parametrize(
    "touch",
    [
        lambda house: change(house, "Een rustige zin", "Een andere zin"),
        lambda house: setattr(house, "settings", replace(house.settings, accent_color="#aa0000")),
        lambda house: setattr(house, "settings", replace(house.settings, greeting="Hoi,")),
    ],
)
def test_a_letter_that_changed_was_not_proofed(
    house: House, tmp_path: Path, touch: Callable[[House], None]
) -> None:
    prove(house, Provider(tmp_path / "proof"))
    touch(house)
    assert not house.send(Provider(tmp_path / "taken")).receipt.proofed


def test_somebody_on_the_list_is_greeted_by_name(house: House, tmp_path: Path) -> None:
    sent: list[Batch] = []
    prove(
        house,
        Provider(tmp_path / "taken", answer=sent.append),
        to="LEZER1@example.org",
    )
    assert sent[0].recipients[0].greeting == "Dag Anna,"
    assert sent[0].recipients[0].email == "LEZER1@example.org"


def test_a_draft_may_be_seen_and_a_file_with_errors_may_not(house: House, tmp_path: Path) -> None:
    provider = Provider(tmp_path / "taken")
    change(house, "---\nEen", "draft: yes\n---\nEen")
    prove(house, provider)
    change(house, "draft: yes", "draft: yes\nonderwerp: x")
    with pytest.raises(ContentError):
        prove(house, provider)
    assert len(provider.taken()) == 1


def test_taking_the_draft_line_away_changes_nothing_of_the_letter(
    house: House, tmp_path: Path
) -> None:
    change(house, "---\nEen", "draft: yes\n---\nEen")
    prove(house, Provider(tmp_path / "proof"))
    change(house, "draft: yes\n", "")
    assert house.send(Provider(tmp_path / "taken")).receipt.proofed


@pytest.mark.parametrize(
    ("outcome", "error", "words"),
    [
        (Rejected("no such mailbox"), NewsletterError, "no such mailbox"),
        (Refused("this key is not valid"), DecisionNeeded, "this key is not valid"),
        (RetryLater("too many requests"), TryAgain, "too many requests"),
        (Unknown("no answer"), DecisionNeeded, "inbox"),
        (None, DecisionNeeded, "inbox"),
    ],
)
def test_what_was_not_accepted_is_told_and_not_kept(
    house: House,
    tmp_path: Path,
    *,
    outcome: Outcome | None,
    error: type[NewsletterError],
    words: str,
) -> None:
    def answer(batch: Batch) -> dict[str, Outcome]:
        return {batch.recipients[0].ref: outcome} if outcome else {}

    provider = Provider(tmp_path / "taken", answer=answer)
    with pytest.raises(error, match=words) as caught:
        prove(house, provider)
    assert type(caught.value) is error  # and with it the exit code: 1, 3, 75
    assert str(caught.value).isprintable()
    assert provider.calls == 1  # never repeated by itself
    assert kept(house) == []


def test_every_proof_is_a_new_one(house: House, tmp_path: Path) -> None:
    provider = Provider(tmp_path / "taken")
    prove(house, provider)
    prove(house, provider)
    assert len(provider.taken()) == 2
    assert len(kept(house)) == 2


@pytest.mark.parametrize(
    ("missing", "named"), [({"sender": ""}, "sender"), ({"secret_keys": ()}, "SECRET_KEY")]
)
def test_a_real_proof_needs_what_every_real_letter_shows(
    house: House, tmp_path: Path, missing: dict[str, Any], named: str
) -> None:
    house.settings = replace(house.settings, **missing)
    provider = Provider(tmp_path / "taken")
    with pytest.raises(NewsletterError, match=named):
        prove(house, provider)
    assert provider.calls == 0


def test_it_needs_no_list_no_ledger_line_and_no_window(root: Path, tmp_path: Path) -> None:
    house = House(root, readers=0)
    house.settings = replace(house.settings, ledger="", contact="")
    path = house.root / "issues" / f"{house.slug}.md"
    path.rename(path.with_name("2020-01-05-rust.md"))
    house.slug = "2020-01-05-rust"
    prove(house, Provider(tmp_path / "taken"))
    assert len(kept(house)) == 1


def test_no_address_is_kept(house: House, tmp_path: Path) -> None:
    prove(house, Provider(tmp_path / "taken"))
    assert "schrijft" not in str(house.sql("SELECT * FROM proofs")).lower()
    house.store.close()
    for file in (house.root / ".newsletter").rglob("*"):
        assert b"schrijft" not in (file.read_bytes().lower() if file.is_file() else b"")


# As typed


def test_with_nothing_configured_a_proof_is_a_file(house: House, run: Run) -> None:
    done = run("proof", house.slug, "--to", AUTHOR, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["issue"], found["provider"], found["proofed"]) == (house.slug, "outbox", False)
    (file,) = (house.root / ".newsletter" / "outbox" / "_proofs").iterdir()
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (mail["Subject"], mail["To"]) == ("Proef: Over rust", AUTHOR)
    assert file.name == f"{found['ref']}.eml"
    assert kept(house) == []
    assert not json.loads(run("status", "--json").stdout)["next"]["proofed"]
    spoken = run("proof", f"issues/{house.slug}.md", "--to", AUTHOR)
    assert "_proofs" in spoken.stdout
    assert "does not count" in spoken.stderr


@pytest.mark.parametrize("to", ["niemand", "a@b@c", "Gerrit <gerrit@example.org>", "", "x@y z"])
def test_what_is_no_address_is_wrong_usage(house: House, run: Run, to: str) -> None:
    done = run("proof", house.slug, "--to", to)
    assert (done.returncode, done.stdout) == (2, "")
    assert "not an email address" in done.stderr or "no email address" in done.stderr
    assert not to or to not in done.stderr


def test_a_proof_names_no_address(house: House, run: Run) -> None:
    for arguments in (["proof", house.slug], ["-v", "proof", "niets"]):
        done = run(*arguments, "--to", AUTHOR)
        assert "schrijft" not in (done.stdout + done.stderr).lower()


def test_a_proof_through_a_provider_is_seen_by_status_and_send(
    house: House, run: Run, tmp_path: Path
) -> None:
    with FakeResend(tmp_path / "taken") as fake:
        env = house.for_real(fake.url)
        assert not json.loads(run("status", "--json", env=env).stdout)["next"]["proofed"]
        assert "no proof of this text yet" in run("status", env=env).stdout
        done = run("proof", house.slug, "--to", AUTHOR, "--json", env=env)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["proofed"]
        (taken,) = fake.taken()
        (request,) = fake.requests
        assert taken["to"] == AUTHOR
        assert json.loads(request.body)[0]["subject"] == "Proef: Over rust"

        assert json.loads(run("status", "--json", env=env).stdout)["next"]["proofed"]
        assert ", proof seen" in run("status", env=env).stdout
        assert json.loads(run("status", house.slug, "--json", env=env).stdout)["proofed"]
        send = ("send", house.slug, "--yes", "--early", "--no-preflight", "--json")
        sent = json.loads(run(*send, env=env).stdout)
        assert (sent["accepted"], sent["proofed"]) == (3, True)
        assert json.loads(run("status", house.slug, "--json", env=env).stdout)["proofed"]
        assert len(fake.taken()) == 4


def test_every_address_gets_a_copy_once(house: House, run: Run, tmp_path: Path) -> None:
    with FakeResend(tmp_path / "taken") as fake:
        env = house.for_real(fake.url)
        to = ("--to", AUTHOR, "--to", "bo@example.org", "--to", "BO@example.org")
        done = run("proof", house.slug, *to, "--json", env=env)
        assert done.returncode == 0, done.stderr
        assert len(json.loads(done.stdout)["copies"]) == 2
        assert [one["to"] for one in fake.taken()] == [AUTHOR, "bo@example.org"]


def test_a_copy_that_is_refused_hides_no_earlier_one(
    house: House, run: Run, tmp_path: Path
) -> None:
    with FakeResend(tmp_path / "taken") as fake:
        fake.faults = {2: FAULTS["403"]}
        env = house.for_real(fake.url)
        done = run("proof", house.slug, "--to", AUTHOR, "--to", "bo@example.org", env=env)
    assert done.returncode == 3
    assert "1 of 2 proofs left before that" in done.stderr
    assert "bo@" not in done.stderr


@pytest.mark.parametrize(("fault", "code"), [("403", 3), ("429-day", 75), ("500-accepted", 3)])
def test_a_provider_that_does_not_take_it(
    house: House, tmp_path: Path, fault: str, code: int
) -> None:
    with FakeResend(tmp_path / "taken") as fake:
        fake.faults = {1: FAULTS[fault]}
        provider = open_provider(
            replace(
                house.settings,
                provider="resend",
                credentials={"RESEND_API_KEY": "re_of_these_tests"},
                provider_url=fake.url,
            )
        )
        with contextlib.closing(provider), pytest.raises(NewsletterError) as caught:
            prove(house, provider)
        assert caught.value.exit_code == code
        assert fake.count == 1
    assert not re.search("schrijft", str(caught.value), re.IGNORECASE)
    assert kept(house) == []
