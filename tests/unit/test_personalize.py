from __future__ import annotations

import html
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import personalize, placeholders
from newsletter.mime import eml
from newsletter.model import Batch, Letter, Recipient, RetryLater
from newsletter.providers.base import Payload
from newsletter.providers.outbox.send import Outbox

if TYPE_CHECKING:
    from pathlib import Path

DATE = datetime(2026, 11, 29, 6, 0, 12, tzinfo=UTC)


def entity(mark: str) -> str:
    return mark.encode("ascii", "xmlcharrefreplace").decode()


def letter(
    *,
    subject: str = "Over rust",
    sender: str = "Gerrit <gerrit@example.org>",
    reply_to: str = "",
    greeting: str = "Dag {first_name},",
) -> Letter:
    return Letter(
        subject=subject,
        sender=sender,
        reply_to=reply_to,
        list_id="Jij en Loslaten <jij-en-loslaten.example.org>",
        html=f"<p>{entity(placeholders.GREETING)}</p>"
        f'<a href="{entity(placeholders.UNSUBSCRIBE_URL)}">Afmelden</a>',
        text=f"{placeholders.GREETING}\n\nAfmelden: {placeholders.UNSUBSCRIBE_URL}\n",
        page="<p>Dag,</p>",
        greeting=greeting,
        greeting_without_name="Dag,",
        unsubscribe_url="https://brief.example.org/u/",
    )


def mail(
    of: Letter, name: str | None = "Anna", email: str = "anna@example.org"
) -> tuple[EmailMessage, str, str, bytes]:
    subscriber = personalize.recipient(of, "ref1", email, name, "TOKEN")
    batch = Batch("key", "2026-11-29-rust", of, DATE, (subscriber,))
    message = personalize.message(batch, subscriber)
    raw = eml(message)
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed, message.html, message.text, raw


def test_every_header_is_there_and_exact() -> None:
    parsed, *_ = mail(letter(reply_to="antwoord@example.org"))
    assert {name: str(value) for name, value in parsed.items()} == {
        "From": "Gerrit <gerrit@example.org>",
        "Reply-To": "antwoord@example.org",
        "To": "anna@example.org",
        "Subject": "Over rust",
        "Date": "Sun, 29 Nov 2026 06:00:12 +0000",
        "Message-ID": "<ref1@example.org>",
        "List-Id": "Jij en Loslaten <jij-en-loslaten.example.org>",
        "List-Unsubscribe": "<https://brief.example.org/u/TOKEN>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/alternative; boundary="=ref1"',
    }


def test_a_long_unsubscribe_url_stays_whole_on_its_line() -> None:
    *_, raw = mail(letter())
    long = letter()
    subscriber = personalize.recipient(long, "ref1", "anna@example.org", "Anna", "T" * 300)
    raw = eml(personalize.message(Batch("k", "s", long, DATE, (subscriber,)), subscriber))
    line = next(part for part in raw.split(b"\r\n") if part.startswith(b"List-Unsubscribe:"))
    assert line == b"List-Unsubscribe: <https://brief.example.org/u/" + b"T" * 300 + b">"


def test_both_parts_are_filled_each_in_its_own_way() -> None:
    parsed, html_part, text_part, _ = mail(letter(), name='<b>O\'Brien & "Zoon"</b>')
    assert "Dag &lt;b&gt;O&#x27;Brien &amp; &quot;Zoon&quot;&lt;/b&gt;," in html_part
    assert 'Dag <b>O\'Brien & "Zoon"</b>,' in text_part
    for kind in ("plain", "html"):
        body = parsed.get_body((kind,))
        assert body
        assert "https://brief.example.org/u/TOKEN" in body.get_content()


def test_without_a_name_the_greeting_has_none() -> None:
    *_, text_part, _ = mail(letter(), name=None)
    assert text_part.startswith("Dag,\n")


def test_no_mark_is_left_and_html_stays_ascii() -> None:
    _, html_part, text_part, _ = mail(letter(), name="Zoë 🌱")
    assert not placeholders.remain(html_part)
    assert not placeholders.remain(text_part)
    assert html_part.isascii()
    assert "Zoë 🌱" in html.unescape(html_part)


@pytest.mark.parametrize(
    "prose",
    ["{first_name}", "{{7*7}}", "%recipient.x%", "[[unsubscribe_url]]", "{unsubscribe_url}"],
)
def test_a_name_is_never_taken_for_a_placeholder(prose: str) -> None:
    *_, text_part, _ = mail(letter(), name=prose)
    assert text_part.startswith(f"Dag {prose},\n")


def test_the_same_batch_has_the_same_bytes() -> None:
    assert mail(letter())[-1] == mail(letter())[-1]


def test_special_characters_survive_in_every_header() -> None:
    of = letter(
        subject="Café, “rust” en 🌱 — vasthouden?",
        sender='"Zoë, van Loslaten" <zoe@example.org>',
    )
    parsed, *_ = mail(of)
    assert parsed["Subject"] == "Café, “rust” en 🌱 — vasthouden?"
    (sender,) = parsed["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Zoë, van Loslaten", "zoe@example.org")


@pytest.mark.parametrize("bad", ["a\r\nBcc: x@example.org", "a\nb", "a\rb", "a\n", "a\r"])
def test_a_line_break_never_makes_a_header(bad: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        mail(letter(subject=bad))


@pytest.mark.parametrize(
    "prose",
    [
        "=?utf-8?q?a=0D=0ABcc:_x@example.org=0D=0A=0D=0Abody?=",
        "=?utf-8?b?aGFsbG8=?= en meer",
        "Café " * 60,
        "a" * 900,
    ],
)
def test_what_looks_like_an_encoded_word_arrives_as_it_was_typed(prose: str) -> None:
    parsed, _, _, raw = mail(letter(subject=prose))
    assert parsed["Subject"] == prose.strip() or parsed["Subject"] == prose
    assert parsed["Bcc"] is None
    head = raw.partition(b"\r\n\r\n")[0]
    assert b"List-Unsubscribe-Post" in head
    assert all(len(word) <= 75 for word in head.split() if word.startswith(b"=?"))
    named, *_ = mail(letter(sender="Zoë =?utf-8?q?x?= <zoe@example.org>"))
    (sender,) = named["From"].addresses
    assert sender.addr_spec == "zoe@example.org"


def test_a_domain_with_accents_travels_in_ascii() -> None:
    parsed, *_ = mail(letter(), email="anna@café.example.org")
    assert parsed["To"] == "anna@xn--caf-dma.example.org"


@given(name=st.text(st.characters(exclude_categories=["Cc", "Cs", "Co", "Zl", "Zp"]), max_size=60))
def test_any_name_arrives_as_it_is(name: str) -> None:
    of = letter()
    _, html_part, text_part, _ = mail(of, name=name)
    expected = f"Dag {name}," if name else "Dag,"
    assert text_part.split("\n")[0] == expected
    assert html.unescape(html_part.split("</p>")[0]) == f"<p>{expected}"


def test_a_failed_write_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscriber = Recipient("ref1", "anna@example.org", "Dag Anna,", "https://x.example.org/u/T")
    batch = Batch("key", "2026-11-29-rust", letter(), DATE, (subscriber,))
    outbox = Outbox(tmp_path)
    outbox.submit(batch, Payload.of((b"whole",)))

    def half(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(tmp_path), "write_bytes", half)
    outcome = outbox.submit(batch, Payload.of((b"another",))).outcomes["ref1"]
    assert outcome == RetryLater("the outbox: No space left on device")
    (file,) = (tmp_path / "2026-11-29-rust").iterdir()
    assert file.read_bytes() == b"whole"


def test_the_outbox_replaces_a_file_in_one_step_and_may_be_repeated(tmp_path: Path) -> None:
    subscriber = Recipient("ref1", "anna@example.org", "Dag Anna,", "https://x.example.org/u/T")
    batch = Batch("key", "2026-11-29-rust", letter(), DATE, (subscriber,))
    outbox = Outbox(tmp_path / "outbox")
    payload = outbox.build(batch)
    first = outbox.submit(batch, payload)
    assert outbox.submit(batch, outbox.build(batch)) == first
    (file,) = (tmp_path / "outbox" / "2026-11-29-rust").iterdir()
    assert file.name == "ref1.eml"
    assert file.read_bytes() == payload.parts[0]
    assert file.stat().st_mode & 0o777 == 0o600
