from __future__ import annotations

import json
from datetime import date
from email.headerregistry import HeaderRegistry
from email.utils import parseaddr
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter import config
from newsletter.config import mailbox
from newsletter.errors import NewsletterError
from newsletter.mime import eml
from newsletter.model import Message

if TYPE_CHECKING:
    from pathlib import Path


def settings(folder: Path, text: str = "", **environment: str) -> config.Settings:
    if text:
        (folder / "newsletter.toml").write_text(text, encoding="utf-8")
    return config.load(folder, environment)


def test_without_a_file_the_current_folder_and_all_defaults_hold(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert found.root == tmp_path.resolve()
    assert found == config.Settings(root=tmp_path.resolve(), origin=found.origin)


def test_the_nearest_file_upwards_makes_the_root(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.newsletter]\nname = "Boven"\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert config.load(inner, {}).root == tmp_path.resolve()
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\n")
    assert config.load(inner, {}).name == "Boven"
    (tmp_path / "a" / "newsletter.toml").write_text('name = "Midden"\n')
    assert config.load(inner, {}).name == "Midden"


def test_the_environment_wins(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        'public_url = "https://a.example.org"',
        NEWSLETTER_PUBLIC_URL="https://b.example.org",
        NEWSLETTER_SECRET_KEY="new, old",
    )
    assert found.public_url == "https://b.example.org"
    assert found.secret_keys == ("new", "old")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nmae = 'x'", '"name"'),
        ("name = 3", "text in quotes"),
        ("name = ''", "name"),
        (f"name = '{'a' * 301}'", "longer than"),
        (f"public_url = 'https://example.org/{'a' * 300}'", "longer than"),
        ('contact = "a\\u0007b"', "contact"),
        ('signature = "Groet,\\u2028Gerrit"', "signature"),
        ('name = "a\\nb"', "one line"),
        ("max_lateness_hours = '6'", "a number"),
        ("max_lateness_hours = true", "a number"),
        ("max_lateness_hours = -1", "zero or more"),
        ("max_lateness_hours = nan", "zero or more"),
        ("timezone = 'Europe/Rotterdam'", "time zone"),
        ("timezone = '../etc/passwd'", "time zone"),
        ("timezone = ''", "time zone"),
        ("send_day = 'someday'", "day of the week"),
        ("send_time = '7:00'", "time"),
        ("send_time = 07:00:00", "text in quotes"),
        ("send_time = '24:00'", "time"),
        ("sender = 'Gerrit'", "address"),
        ("sender = 'a@example.org, b@example.org'", "address"),
        ("sender = '<g@example.org> x'", "address"),
        ("sender = '=?utf-8?q?x=0D=0A?= <g@example.org>'", "address"),
        ("sender = ['g@example.org']", "not a list"),
        ("max_lateness_hours = 1e12", "a year"),
        ("finish_within_hours = 1e12", "a year"),
        ("finish_within_hours = 0", "more than zero"),
        ('sender = "Gerrit\\r\\nBcc: x@example.org <g@example.org>"', "one line"),
        ("public_url = 'example.org'", "web address"),
        ("public_url = ''", "web address"),
        ("public_url = 'javascript:alert(1)'", "web address"),
        ("public_url = 'https://example.org/?a=b'", "web address"),
        ("public_url = 'http://[::1'", "web address"),
        ("public_url = 'https://brief.example.org{'", "web address"),
        ("public_url = 'https://example.org/{x}'", "web address"),
        ("public_url = 'https://example.org%0Ay'", "web address"),
        ("public_url = 'https://example..org'", "web address"),
        ("public_url = 'https://-example.org'", "web address"),
        ("public_url = 'https://my_brief.example.org'", "web address"),
        ("site_url = 'https://example.org;y'", "web address"),
        ("provider_url = 'http://fake,x:8080'", "web address"),
        ("greeting = 'Dag {name},'", "first_name"),
        ("accent_color = 'green'", "colour"),
        ("language = 'Nederlands!'", "language"),
        ("provider = 'pigeon'", "pigeon"),
        ("provider = 'postmark'", "is unknown: 'postmark'"),
        ("provider_url = 'https://user:pass@example.org'", "web address"),
        ("public_url = 'https://user@example.org'", "web address"),
        ("public_url = 'https://bücher.example'", "xn--"),
        ("provider_url = 'https://bücher.example'", "xn--"),
        ("name = ", "TOML"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(NewsletterError) as caught:
        settings(tmp_path, line)
    text = str(caught.value)
    assert said in text
    assert "\n" not in text
    assert "newsletter.toml" in text
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    "line",
    [
        "public_url = 'https://Brief.example.org:8443/letters'",
        "public_url = 'https://xn--bcher-kva.example.'",
        "public_url = 'http://[::1]:8000'",
        "public_url = 'http://127.0.0.1:8000'",
        "site_url = 'https://bücher.example/pad/é'",
        "provider_url = 'http://fake_resend:8080'",
    ],
)
def test_these_are_web_addresses(tmp_path: Path, line: str) -> None:
    key, _, value = line.partition(" = ")
    assert getattr(settings(tmp_path, line), key) == value.strip("'")


@pytest.mark.parametrize(
    "variable",
    [
        "NEWSLETTER_DATABASE_URL",
        "NEWSLETTER_SECRET_KEY",
        "NEWSLETTER_PROVIDER",
        "NEWSLETTER_PROVIDER_URL",
        "NEWSLETTER_PUBLIC_URL",
        *config.PROVIDER_VARIABLES,
    ],
)
@pytest.mark.parametrize("value", ["", "  "])
def test_a_variable_that_is_set_but_empty_is_an_error(
    tmp_path: Path, variable: str, value: str
) -> None:
    with pytest.raises(NewsletterError, match=f"{variable} is set but empty"):
        settings(tmp_path, **{variable: value})


@pytest.mark.parametrize(
    ("job", "where"),
    [
        ({"GITHUB_ACTIONS": "true"}, "gh secret list --env newsletter"),
        ({"GITHUB_ACTIONS": "true", "FORGEJO_ACTIONS": "true"}, "Settings, Actions, Secrets"),
        ({"GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true"}, "Settings, Actions, Secrets"),
        ({"GITLAB_CI": "true"}, "Settings, CI/CD, Variables"),
    ],
)
def test_a_job_without_a_secret_says_where_to_look(
    tmp_path: Path, job: dict[str, str], where: str
) -> None:
    with pytest.raises(NewsletterError) as caught:
        settings(tmp_path, RESEND_API_KEY="", **job)
    assert "This job gets no secret RESEND_API_KEY" in caught.value.hint
    assert where in caught.value.hint
    found = settings(tmp_path)
    for hint in (
        config.missing_key_hint(found, environment=job),
        config.missing_secret_hint(found, "RESEND_API_KEY", "Make a key", job),
    ):
        assert "This job gets no secret" in hint
        assert where in hint
        assert "openssl" not in hint


def test_a_credential_that_is_missing_is_put_where_the_secrets_are(tmp_path: Path) -> None:
    found = settings(tmp_path)

    def hint() -> str:
        return config.missing_secret_hint(found, "RESEND_API_KEY", "Make a key", {})

    assert hint() == "Make a key and put it into the environment, and into no file that git keeps"
    found.state.mkdir()
    file = found.state / config.SECRETS_FILE
    reading = "type: set -a; . ./.newsletter/production.env; set +a"
    for text in ("", "RESEND_API_KEY=\n", "# RESEND_API_KEY=canary\n"):
        file.write_text(text)
        assert "write it into .newsletter/production.env. In" in hint()
        assert hint().endswith(reading)
    file.write_text("RESEND_API_KEY=canary\n")
    assert hint() == (f"It is in .newsletter/production.env. In the newsletter's folder, {reading}")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", ""),
        ("# NEWSLETTER_DATABASE_URL=x", ""),
        ("NEWSLETTER_DATABASE_URL=", "with no value"),
        ("NEWSLETTER_DATABASE_URL=postgresql://u@h/d?sslmode=require", "and not the one"),
        ("NEWSLETTER_DATABASE_URL=postgresql://u@h/d?sslmode=require&x=y", 'because of the "&"'),
        ("NEWSLETTER_DATABASE_URL=postgresql://u:a$b@h/d", 'because of the "$"'),
        ("NEWSLETTER_DATABASE_URL='postgresql://u@h/d?a=b&x=y'", "without quotation marks"),
        ("NEWSLETTER_DATABASE_URL=postgresql://u:a'b@h/d", "without quotation marks"),
    ],
)
def test_a_shell_without_the_database_is_warned(tmp_path: Path, line: str, says: str) -> None:
    found = settings(tmp_path)
    found.state.mkdir()
    (found.state / config.SECRETS_FILE).write_text(f"{line}\n")
    said = config.other_database_warning(found)
    assert says in said
    assert bool(said) == bool(says)
    assert "postgresql://u" not in said
    known = settings(tmp_path, NEWSLETTER_DATABASE_URL="sqlite:///x.db")
    assert not config.other_database_warning(known)


def test_an_empty_key_in_the_list_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NewsletterError, match="NEWSLETTER_SECRET_KEY"):
        settings(tmp_path, NEWSLETTER_SECRET_KEY="one,,two")


def test_an_error_in_a_variable_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(NewsletterError, match=r"^NEWSLETTER_PROVIDER is "):
        settings(tmp_path, NEWSLETTER_PROVIDER="pigeon")


def test_a_secret_is_never_in_an_error(tmp_path: Path) -> None:
    with pytest.raises(NewsletterError) as caught:
        settings(tmp_path, NEWSLETTER_SECRET_KEY="canary-1,", NEWSLETTER_PROVIDER="x")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://localhost:8000", True),
        ("http://LOCALHOST/x", True),
        ("http://brief.localhost", True),
        ("http://127.0.0.1", True),
        ("http://127.8.9.1:80", True),
        ("http://[::1]:8000", True),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("http://10.0.0.1", False),
        ("http://0.0.0.0", False),
        ("http://[::2]", False),
        ("", False),
    ],
)
def test_what_is_on_this_machine_is_known_as_such(url: str, *, near: bool) -> None:
    assert config.is_loopback(url) is near


@pytest.mark.parametrize("text", ["tool = 3", "[tool]\nnewsletter = 3"])
def test_a_pyproject_of_another_shape_is_no_traceback(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    if text == "tool = 3":
        assert config.load(tmp_path, {}).name == "My letter"
    else:
        with pytest.raises(NewsletterError, match="table"):
            config.load(tmp_path, {})


@pytest.mark.parametrize(
    "sender",
    [
        "gerrit@example.org",
        "Gerrit <gerrit@example.org>",
        '"Zoë, van Loslaten" <zoe@example.org>',
        "Gerrit van 't Hof <g@mail.example.org>",
    ],
)
def test_one_mailbox_is_a_sender(tmp_path: Path, sender: str) -> None:
    assert settings(tmp_path, f"sender = {json.dumps(sender)}").sender == sender


def test_a_file_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_bytes(b'name = "caf\xe9"')
    with pytest.raises(NewsletterError, match="TOML"):
        config.load(tmp_path, {})


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("Gerrit J. de Vries <g@example.org>", "Gerrit J. de Vries"),
        ("Dr. A. Smit <g@example.org>", "Dr. A. Smit"),
        ("Stil Water B.V. <g@example.org>", "Stil Water B.V."),
        ("Vries, Gerrit <g@example.org>", "Vries, Gerrit"),
        ("Stil Water: brief <g@example.org>", "Stil Water: brief"),
        ("Stil Water; brief <g@example.org>", "Stil Water; brief"),
        ("g@example.org <g@example.org>", "g@example.org"),
        ("Brief @ Zondag <g@example.org>", "Brief @ Zondag"),
        ("Gerrit (Stil Water) <g@example.org>", "Gerrit (Stil Water)"),
        ("Gerrit [Stil Water] <g@example.org>", "Gerrit [Stil Water]"),
        ("g@example.org (Gerrit J.)", "Gerrit J."),
        ('De "stille" brief <g@example.org>', 'De "stille" brief'),
        ('"De \\"stille\\" brief" <g@example.org>', 'De "stille" brief'),
        ("Stil\\Water <g@example.org>", "Stil\\Water"),
        ("Gezin 👨‍👩‍👧‍👦 <g@example.org>", "Gezin 👨‍👩‍👧‍👦"),
        ("Schots 🏴󠁧󠁢󠁳󠁣󠁴󠁿 <g@example.org>", "Schots 🏴󠁧󠁢󠁳󠁣󠁴󠁿"),
        ("Zoë, Café <g@example.org>", "Zoë, Café"),
        ("Stil\u00a0Water <g@example.org>", "Stil\u00a0Water"),
        ("  Gerrit<g@example.org>  ", "Gerrit"),
        ("“Gerrit” <g@example.org>", "“Gerrit”"),
        ("O'Brien & Zn. / Stil! <g@example.org>", "O'Brien & Zn. / Stil!"),
        ("<g@example.org>", ""),
    ],
)
@pytest.mark.parametrize("key", ["sender", "reply_to"])
def test_a_sender_is_taken_as_people_write_one(
    tmp_path: Path, key: str, sender: str, name: str
) -> None:
    found = getattr(settings(tmp_path, f"{key} = {json.dumps(sender, ensure_ascii=False)}"), key)
    assert parseaddr(found) == (name, "g@example.org")
    (one,) = HeaderRegistry()("from", found).addresses  # type: ignore[attr-defined]
    assert (one.display_name, one.addr_spec) == (name, "g@example.org")


@pytest.mark.parametrize(
    ("sender", "said"),
    [
        ("Gerrit", 'Write it as "Gerrit <gerrit@example.org>"'),
        ("Gerrit g@example.org", 'Write it as "Gerrit <g@example.org>"'),
        ("Gerrit [g@example.org]", 'Write it as "Gerrit <g@example.org>"'),
        ("mailto:g@example.org", 'Write it as "g@example.org"'),
        ("a@example.org, Gerrit <g@example.org>", "Keep one address"),
        ("Gerrit <g@example.org>, Anna <a@example.org>", "Keep one address"),
        ("g@bücher.example", "g@xn--bcher-kva.example"),
        ("Gerrit <gérrit@example.org>", "plain letters before its @"),
        ("Gerrit <g@localhost>", "the whole domain"),
        ("Gerrit <g@example.org", 'Write it as "Gerrit <g@example.org>"'),
    ],
)
def test_what_is_no_sender_is_shown_as_one(tmp_path: Path, sender: str, said: str) -> None:
    with pytest.raises(NewsletterError, match="is not an address") as caught:
        settings(tmp_path, f"sender = {json.dumps(sender, ensure_ascii=False)}")
    assert said in str(caught.value)


@given(st.text(st.sampled_from("aé@.,:;<>()[]\\\"' =?_\u200d\u00a0🌱"), max_size=24))
@example("a: b; c <g@example.org>")
def test_whatever_is_written_as_a_sender_is_one_mailbox_or_none(text: str) -> None:
    found = mailbox.canonical(text)
    if found:
        (one,) = HeaderRegistry()("from", found).addresses  # type: ignore[attr-defined]
        assert parseaddr(found) == (one.display_name, one.addr_spec)
        assert mailbox.canonical(found) == found
        assert eml(Message("r", "a@example.org", (("From", found),), "", "x"))
    else:
        assert mailbox.advice(text)


@pytest.mark.parametrize(
    ("send_day", "after", "expected"),
    [
        ("sunday", date(2026, 11, 30), date(2026, 12, 6)),
        ("sunday", date(2026, 12, 5), date(2026, 12, 6)),
        ("sunday", date(2026, 12, 6), date(2026, 12, 13)),
        ("wednesday", date(2026, 12, 31), date(2027, 1, 6)),
    ],
)
def test_the_next_send_day_is_never_the_day_itself(
    tmp_path: Path, send_day: str, after: date, expected: date
) -> None:
    assert config.Settings(root=tmp_path, send_day=send_day).next_send_day(after) == expected
