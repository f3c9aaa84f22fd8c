"""Plain text only: a request is of one kind, everyone gets the kind that they chose."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pytest

from newsletter.model import Unknown
from newsletter.providers.outbox.send import Outbox
from tests.support.newsletter import FakeProvider, Newsletter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from newsletter.model import Batch, Outcome
    from newsletter.providers.base import Payload, SubmitResult

PLAIN = {f"lezer{n}@example.org" for n in (0, 3, 4, 11, 24)}


@pytest.fixture
def newsletter(root: Path, database: str) -> Newsletter:  # noqa: ARG001 - where it is
    newsletter = Newsletter(root)
    for email in PLAIN:
        choose(newsletter, email)
    return newsletter


def choose(newsletter: Newsletter, email: str) -> None:
    newsletter.sql(f"UPDATE subscribers SET plain_text = true WHERE email = '{email}'")  # noqa: S608


class Watched(FakeProvider):
    """Notes of each request who was in it, and whether it had HTML."""

    def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
        self.seen = getattr(self, "seen", [])
        emails = [subscriber.email for subscriber in batch.recipients]
        self.seen.append((emails, bool(batch.letter.html), batch.key))
        return super().submit(batch, payload)


def test_every_request_is_full_and_of_one_kind_and_each_gets_their_own_letter(
    newsletter: Newsletter,
) -> None:
    provider = Watched(newsletter.root / "taken")
    assert newsletter.send(provider).error is None
    assert set(provider.copies().values()) == {1}
    assert len(provider.copies()) == 25
    for emails, in_html, _ in provider.seen:
        assert {email in PLAIN for email in emails} == {not in_html}
    assert sorted(len(emails) for emails, _, _ in provider.seen) == [5, 10, 10]


def test_a_request_that_is_repeated_is_of_the_same_kind(newsletter: Newsletter) -> None:
    provider = Watched(newsletter.root / "taken")

    def lose(batch: Batch) -> Mapping[str, Outcome] | None:
        return {subscriber.ref: Unknown("no answer") for subscriber in batch.recipients}

    provider.answer = lose
    newsletter.send(provider)
    provider.answer = None
    assert newsletter.send(provider).error is None
    kinds: dict[str, set[bool]] = {}
    for _, in_html, key in provider.seen:
        kinds.setdefault(key, set()).add(in_html)
    assert len(provider.seen) > len(kinds)
    assert all(len(kind) == 1 for kind in kinds.values())
    assert set(provider.copies().values()) == {1}


def test_the_letter_in_plain_text_is_one_part_that_holds_all(newsletter: Newsletter) -> None:
    newsletter.send(Outbox(newsletter.settings.state / "outbox"))  # type: ignore[arg-type]
    folder = newsletter.settings.state / "outbox" / newsletter.slug
    letters = [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in folder.glob("*.eml")
    ]
    plain = {letter["To"] for letter in letters if letter.get_content_type() == "text/plain"}
    assert plain == PLAIN
    for letter in letters:
        text = letter.get_body(("plain",))
        assert text is not None
        assert "Een rustige zin" in text.get_content()
        assert letter["List-Unsubscribe"].strip("<>") in text.get_content()
