from __future__ import annotations

import contextlib
import json
import re
from dataclasses import replace
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest

from newsletter import delivery, desk, tokens
from newsletter.addresses import parse_address
from newsletter.delivery.web_self_test import reserved_token
from newsletter.errors import ContentError, DecisionNeeded, NewsletterError, TryAgain
from newsletter.model import RecipientRejected, RequestRefused, RetryLater, Unknown
from newsletter.providers import open_provider
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.providers.fake_resend import FAULTS, FakeResend

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
def newsletter(root: Path, database: str) -> Newsletter:  # noqa: ARG001 - on both
    return Newsletter(root, subscribers=3)


def prove(newsletter: Newsletter, provider: Any, to: str = AUTHOR) -> Proof:  # noqa: ANN401 - any provider
    _, draft = desk.find_draft(newsletter.settings, newsletter.slug)
    assert draft
    address = parse_address(to)
    return delivery.send_proof(
        newsletter.context(provider), draft, email=address.given, key=address.key
    )


def kept(newsletter: Newsletter) -> list[tuple[object, ...]]:
    return newsletter.sql("SELECT slug, letter_hash, ref, provider, provider_id FROM proofs")


def change(newsletter: Newsletter, before: str, after: str) -> None:
    path = newsletter.root / "issues" / f"{newsletter.slug}.md"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_a_proof_is_one_marked_copy_and_nothing_in_the_ledger(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    sent: list[Batch] = []
    provider = FakeProvider(tmp_path / "taken", answer=sent.append)
    made = prove(newsletter, provider)
    (batch,) = sent
    (subscriber,) = batch.recipients
    assert batch.slug == "_proofs"
    assert batch.letter.subject == "Proef: Over rust"
    assert (subscriber.email, subscriber.greeting) == (AUTHOR, "Dag,")
    assert kept(newsletter) == [
        (newsletter.slug, made.letter_hash, subscriber.ref, "fake", made.provider_id)
    ]
    for table in ("mailings", "deliveries", "batches"):
        assert newsletter.sql(f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608 - a name


def test_its_unsubscribe_link_belongs_to_no_subscriber(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    sent: list[Batch] = []
    prove(newsletter, FakeProvider(tmp_path / "taken", answer=sent.append))
    link = sent[0].recipients[0].unsubscribe_url
    token = link.removeprefix("https://brief.example.org/u/")
    assert token == reserved_token(newsletter.settings.secret_keys[0])
    assert tokens.read_unsubscribe_token(newsletter.settings.secret_keys, token) == (NOBODY, NOBODY)


def test_what_was_proofed_is_what_goes_out(newsletter: Newsletter, tmp_path: Path) -> None:
    made = prove(newsletter, FakeProvider(tmp_path / "proof"))
    result = newsletter.send(FakeProvider(tmp_path / "taken"))
    assert result.report.mailing.letter_hash == made.letter_hash
    assert result.report.proofed


@pytest.mark.parametrize(
    "touch",
    [
        lambda newsletter: change(newsletter, "Een rustige zin", "Een andere zin"),
        lambda newsletter: setattr(
            newsletter, "settings", replace(newsletter.settings, accent_color="#aa0000")
        ),
        lambda newsletter: setattr(
            newsletter, "settings", replace(newsletter.settings, greeting="Hoi,")
        ),
    ],
)
def test_a_letter_that_changed_was_not_proofed(
    newsletter: Newsletter, tmp_path: Path, touch: Callable[[Newsletter], None]
) -> None:
    prove(newsletter, FakeProvider(tmp_path / "proof"))
    touch(newsletter)
    assert not newsletter.send(FakeProvider(tmp_path / "taken")).report.proofed


def test_a_subscriber_is_greeted_by_name(newsletter: Newsletter, tmp_path: Path) -> None:
    sent: list[Batch] = []
    prove(
        newsletter,
        FakeProvider(tmp_path / "taken", answer=sent.append),
        to="LEZER1@example.org",
    )
    assert sent[0].recipients[0].greeting == "Dag Anna,"
    assert sent[0].recipients[0].email == "LEZER1@example.org"


def test_a_draft_may_be_seen_and_a_file_with_errors_may_not(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    change(newsletter, "---\nEen", "draft: yes\n---\nEen")
    prove(newsletter, provider)
    change(newsletter, "draft: yes", "draft: yes\nonderwerp: x")
    with pytest.raises(ContentError):
        prove(newsletter, provider)
    assert len(provider.taken()) == 1


def test_taking_the_draft_line_away_changes_nothing_of_the_letter(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    change(newsletter, "---\nEen", "draft: yes\n---\nEen")
    prove(newsletter, FakeProvider(tmp_path / "proof"))
    change(newsletter, "draft: yes\n", "")
    assert newsletter.send(FakeProvider(tmp_path / "taken")).report.proofed


@pytest.mark.parametrize(
    ("outcome", "error", "words"),
    [
        (RecipientRejected("no such mailbox"), NewsletterError, "no such mailbox"),
        (RequestRefused("this key is not valid"), DecisionNeeded, "this key is not valid"),
        (RetryLater("too many requests"), TryAgain, "too many requests"),
        (Unknown("no answer"), DecisionNeeded, "inbox"),
        (None, DecisionNeeded, "inbox"),
    ],
)
def test_a_proof_that_was_not_accepted_is_reported_and_not_stored(
    newsletter: Newsletter,
    tmp_path: Path,
    *,
    outcome: Outcome | None,
    error: type[NewsletterError],
    words: str,
) -> None:
    def answer(batch: Batch) -> dict[str, Outcome]:
        return {batch.recipients[0].ref: outcome} if outcome else {}

    provider = FakeProvider(tmp_path / "taken", answer=answer)
    with pytest.raises(error, match=words) as caught:
        prove(newsletter, provider)
    assert type(caught.value) is error  # and with it the exit code: 1, 3, 75
    assert str(caught.value).isprintable()
    assert provider.calls == 1  # never repeated by itself
    assert kept(newsletter) == []


def test_every_proof_is_a_new_one(newsletter: Newsletter, tmp_path: Path) -> None:
    provider = FakeProvider(tmp_path / "taken")
    prove(newsletter, provider)
    prove(newsletter, provider)
    assert len(provider.taken()) == 2
    assert len(kept(newsletter)) == 2


@pytest.mark.parametrize(
    ("missing", "named"), [({"sender": ""}, "sender"), ({"secret_keys": ()}, "SECRET_KEY")]
)
def test_a_real_proof_needs_what_every_real_letter_shows(
    newsletter: Newsletter, tmp_path: Path, missing: dict[str, Any], named: str
) -> None:
    newsletter.settings = replace(newsletter.settings, **missing)
    provider = FakeProvider(tmp_path / "taken")
    with pytest.raises(NewsletterError, match=named):
        prove(newsletter, provider)
    assert provider.calls == 0


def test_it_needs_no_list_no_ledger_line_and_no_window(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root, subscribers=0)
    newsletter.settings = replace(newsletter.settings, ledger="", contact="")
    path = newsletter.root / "issues" / f"{newsletter.slug}.md"
    path.rename(path.with_name("2020-01-05-rust.md"))
    newsletter.slug = "2020-01-05-rust"
    prove(newsletter, FakeProvider(tmp_path / "taken"))
    assert len(kept(newsletter)) == 1


def test_no_address_is_kept(newsletter: Newsletter, tmp_path: Path) -> None:
    prove(newsletter, FakeProvider(tmp_path / "taken"))
    assert "schrijft" not in str(newsletter.sql("SELECT * FROM proofs")).lower()
    newsletter.store.close()
    for file in (newsletter.root / ".newsletter").rglob("*"):
        assert b"schrijft" not in (file.read_bytes().lower() if file.is_file() else b"")


# As typed


def test_with_nothing_configured_a_proof_is_a_file(newsletter: Newsletter, run: Run) -> None:
    done = run("proof", newsletter.slug, "--to", AUTHOR, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["issue"], found["provider"], found["proofed"]) == (
        newsletter.slug,
        "outbox",
        False,
    )
    (file,) = (newsletter.root / ".newsletter" / "outbox" / "_proofs").iterdir()
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (mail["Subject"], mail["To"]) == ("Proef: Over rust", AUTHOR)
    assert file.name == f"{found['ref']}.eml"
    assert kept(newsletter) == []
    assert not json.loads(run("status", "--json").stdout)["next"]["proofed"]
    spoken = run("proof", f"issues/{newsletter.slug}.md", "--to", AUTHOR)
    assert "_proofs" in spoken.stdout
    assert "does not count" in spoken.stderr


@pytest.mark.parametrize("to", ["niemand", "a@b@c", "Gerrit <gerrit@example.org>", "", "x@y z"])
def test_what_is_no_address_is_wrong_usage(newsletter: Newsletter, run: Run, to: str) -> None:
    done = run("proof", newsletter.slug, "--to", to)
    assert (done.returncode, done.stdout) == (2, "")
    assert "not an email address" in done.stderr or "no email address" in done.stderr
    assert not to or to not in done.stderr


def test_a_proof_names_no_address(newsletter: Newsletter, run: Run) -> None:
    for arguments in (["proof", newsletter.slug], ["-v", "proof", "niets"]):
        done = run(*arguments, "--to", AUTHOR)
        assert "schrijft" not in (done.stdout + done.stderr).lower()


def test_a_proof_through_a_provider_is_seen_by_status_and_send(
    newsletter: Newsletter, run: Run, tmp_path: Path
) -> None:
    with FakeResend(tmp_path / "taken") as fake:
        env = newsletter.for_real(fake.url)
        assert not json.loads(run("status", "--json", env=env).stdout)["next"]["proofed"]
        assert "no proof of this text yet" in run("status", env=env).stdout
        done = run("proof", newsletter.slug, "--to", AUTHOR, "--json", env=env)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["proofed"]
        (taken,) = fake.taken()
        (request,) = fake.requests
        assert taken["to"] == AUTHOR
        assert json.loads(request.body)[0]["subject"] == "Proef: Over rust"

        assert json.loads(run("status", "--json", env=env).stdout)["next"]["proofed"]
        assert ", proof seen" in run("status", env=env).stdout
        assert json.loads(run("status", newsletter.slug, "--json", env=env).stdout)["proofed"]
        send = ("send", newsletter.slug, "--yes", "--early", "--no-preflight", "--json")
        sent = json.loads(run(*send, env=env).stdout)
        assert (sent["accepted"], sent["proofed"]) == (3, True)
        assert json.loads(run("status", newsletter.slug, "--json", env=env).stdout)["proofed"]
        assert len(fake.taken()) == 4


def test_every_address_gets_a_copy_once(newsletter: Newsletter, run: Run, tmp_path: Path) -> None:
    with FakeResend(tmp_path / "taken") as fake:
        env = newsletter.for_real(fake.url)
        to = ("--to", AUTHOR, "--to", "bo@example.org", "--to", "BO@example.org")
        done = run("proof", newsletter.slug, *to, "--json", env=env)
        assert done.returncode == 0, done.stderr
        assert len(json.loads(done.stdout)["copies"]) == 2
        assert [one["to"] for one in fake.taken()] == [AUTHOR, "bo@example.org"]


def test_a_copy_that_is_refused_hides_no_earlier_one(
    newsletter: Newsletter, run: Run, tmp_path: Path
) -> None:
    with FakeResend(tmp_path / "taken") as fake:
        fake.faults = {2: FAULTS["403"]}
        env = newsletter.for_real(fake.url)
        done = run("proof", newsletter.slug, "--to", AUTHOR, "--to", "bo@example.org", env=env)
    assert done.returncode == 3
    assert "1 of 2 proofs were sent before that" in done.stderr
    assert "bo@" not in done.stderr


@pytest.mark.parametrize(("fault", "code"), [("403", 3), ("429-day", 75), ("500-accepted", 3)])
def test_a_provider_that_does_not_take_it(
    newsletter: Newsletter, tmp_path: Path, fault: str, code: int
) -> None:
    with FakeResend(tmp_path / "taken") as fake:
        fake.faults = {1: FAULTS[fault]}
        provider = open_provider(
            replace(
                newsletter.settings,
                provider="resend",
                credentials={"RESEND_API_KEY": "re_of_these_tests"},
                provider_url=fake.url,
            )
        )
        with contextlib.closing(provider), pytest.raises(NewsletterError) as caught:
            prove(newsletter, provider)
        assert caught.value.exit_code == code
        assert fake.count == 1
    assert not re.search("schrijft", str(caught.value), re.IGNORECASE)
    assert kept(newsletter) == []
