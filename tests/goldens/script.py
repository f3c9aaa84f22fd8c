"""The story of the week: every command, page, letter and request, in order."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.goldens.values import sign
from tests.goldens.week import (
    BROKEN,
    DRAFT,
    FAR,
    FIRST,
    FIXED,
    LATE,
    LEAVERS,
    MEMBERS,
    NO_STATUS,
    NOW,
    SECOND,
    SUSPICIOUS,
    THIRD,
    WEBHOOK_SECRET,
    ZONE,
    Week,
    wait_for,
    webhook,
)
from tests.support.providers.fake_lettermint import FakeLettermint
from tests.support.providers.fake_mailgun import DOMAIN, FakeMailgun
from tests.support.providers.fake_resend import FakeResend
from tests.support.providers.fake_ses import FakeSes
from tests.support.providers.sigv4 import KEY_ID, REGION, SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.providers.fake_server import FakeServer

PRESSED = {"": ""}
CONSENT = "Ja, stuur mij elke zondag de brief van Tine."

COMMANDS = (
    *("", "demo", "init", "preview", "render", "check", "proof", "rehearse", "send", "status"),
    *("pause", "cancel"),
    *("resolve", "serve", "events", "events pull", "doctor"),
    *("subscribers", "subscribers add", "subscribers erase", "subscribers export"),
    *("subscribers form", "subscribers import", "subscribers list", "subscribers show"),
    *("subscribers stats", "subscribers undo", "subscribers unsubscribe"),
    *("db", "db upgrade", "db status", "db tidy", "db move"),
)
"""All commands, for their help."""


def play(week: Week, folder: Path) -> None:
    """Play the whole week."""
    week.prepare()
    if week.url:
        week.settings("outbox")
    else:
        week.prefix = "usage-"
        empty(week)
        week.prefix = ""
    files(week)
    the_list(week)
    rehearsal(week)
    with FakeResend(folder / "taken") as fake:
        week.names.add(fake.url.removeprefix("http://"), "provider")
        week.env |= {"RESEND_API_KEY": "re_of_goldens", "RESEND_WEBHOOK_SECRET": WEBHOOK_SECRET}
        preflight(week, fake)
        with week.serving():
            first_issue(week, fake)
            events(week, fake)
            sign_ups(week, fake)
            preferences(week, fake)
            with FakeSes(folder / "taken by SES", key=SECRET) as ses:
                unknown(week, ses, fake.url)
            later_issues(week, fake)
            schedule(week, fake)
            tokens(week)
        other_providers(week, folder)
        the_end(week)


def empty(week: Week) -> None:
    """Use a folder in which there is nothing."""
    for command in ("status", "check", "db status", "subscribers stats"):
        week.run(f"{command} of nothing, JSON", *command.split(), "--json")
        week.run(f"{command} of nothing", *command.split())
    week.run("subscribers list of nothing", "subscribers", "list")
    for step, argv in {
        "unknown command": ("stat",),
        "unknown option": ("send", "--dry-rum"),
        "no argument": ("render",),
        "unknown slug": ("render", "2026-01-01-niets"),
        "two options that exclude each other": ("resolve", "x", "--resend", "--assume-sent"),
        "no subcommand": ("subscribers",),
        "send without what": ("send",),
        "unknown address": ("subscribers", "show", "niemand@example.org"),
        "no address": ("subscribers", "add", "geen adres", "--consent", CONSENT),
        "version": ("--version",),
    }.items():
        week.run(f"wrong usage: {step}", *argv)
    for command in COMMANDS:
        week.run(f"{command} --help".strip(), *command.split(), "--help")
    for step, text in {
        "unknown setting": 'nam = "Tine"\n',
        "unknown table": '[newsleter]\nname = "Tine"\n',
        "wrong type": "max_per_second = true\n",
        "wrong zone": 'timezone = "Europe/Amsterdan"\n',
        "unknown provider": 'provider = "resent"\n',
        "no TOML": "name = \n",
    }.items():
        (week.root / "newsletter.toml").write_text(text, encoding="utf-8")
        week.run(f"wrong settings: {step}", "check")
    week.settings("outbox")
    week.run("wrong settings: empty variable", "check", NEWSLETTER_PROVIDER_URL="")


def files(week: Week) -> None:
    """Write issues; check and render them."""
    days = week.dates
    first = FIRST.format(date=days["day of first"])
    week.first = week.write(f"{days['day of first']}-stoel", first)
    week.second = week.write(f"{days['day of second']}-la", SECOND)
    week.third = week.write(f"{days['day of third']}-gang", THIRD)
    draft = week.write(f"{days['day of draft']}-later", DRAFT)
    broken = week.write(f"{days['day of broken']}-kapot", BROKEN)
    week.write("zonder-datum", "---\nsubject: Zonder datum\n---\nTekst.\n")
    (week.root / "issues" / "README.md").write_text("Hier staan de brieven.\n", encoding="utf-8")
    (week.root / "issues" / f"{days['day of first']}-los.txt").write_text("Los\n", encoding="utf-8")
    week.run("check all, JSON", "check", "--json")
    week.run("check all", "check")
    week.run("check one, JSON", "check", week.first, "--json")
    week.run("check one, by its path", "check", f"issues/{broken}.md")
    week.run("check one that is misspelt", "check", week.first + "l")
    week.run("status of files, JSON", "status", "--json")
    week.run("status of files", "status")
    week.run("status of one never sent, JSON", "status", week.first, "--json")
    week.run("status of one never sent", "status", week.first)
    week.run("render, JSON", "render", week.first, "--out", "out", "--json")
    week.run("render a draft", "render", draft, "--out", "out")
    week.run("render a part of a slug", "render", "gang", "--out", "out")
    week.run("render what is broken", "render", broken, "--out", "out")
    for file in sorted((week.root / "out").iterdir()):
        if file.suffix != ".eml":
            text = week.text(f"render{file.suffix}", file.read_text(encoding="utf-8"))
            week.goldens["letters"][f"render {file.name[11:]}"] = text
    week.letters("render", "out")
    week.run("send a draft", "send", draft)
    week.run("send what is broken", "send", broken)


def the_list(week: Week) -> None:
    """Bring people onto the list, and ask about them."""
    for name, text in {
        "members.csv": MEMBERS,
        "no-status.csv": NO_STATUS,
        "suspicious.csv": SUSPICIOUS,
        "leavers.csv": LEAVERS,
    }.items():
        (week.root / name).write_text(text, encoding="utf-8")
    bring = ("subscribers", "import")
    week.run("import without consent", *bring, "members.csv", "--json")
    rejects = ("--rejects", "rejects.csv")
    week.run("import, JSON", *bring, "members.csv", "--consent", CONSENT, *rejects, "--json")
    week.goldens["files"]["rejects.csv"] = lines_of(week, week.root / "rejects.csv")
    week.run("import again", *bring, "members.csv", "--consent", CONSENT)
    week.run("import without status", *bring, "no-status.csv", "--consent", CONSENT)
    week.run("import of unsure columns", *bring, "suspicious.csv", "--consent", CONSENT)
    week.run(
        "import that ignores a column",
        *(*bring, "suspicious.csv", "--consent", CONSENT, "--ignore", "Wil geen post", "--json"),
    )
    week.run("import of leavers, JSON", *bring, "leavers.csv", "--leavers-only", "--json")
    everyone = ("--consent", CONSENT, "--all-subscribed", "--json")
    added = json.loads(week.run("import of all, JSON", *bring, "no-status.csv", *everyone))
    week.run("import of no file", *bring, "members.cvs", "--consent", CONSENT)
    week.run("undo, JSON", "subscribers", "undo", added["id"], "--yes", "--json")
    week.run("undo of what is unknown", "subscribers", "undo", "nergens", "--yes")
    add = ("subscribers", "add")
    week.run("add", *add, "otto@example.org", "--consent", CONSENT, "--first-name", "Otto")
    week.run("add again", *add, "otto@example.org", "--consent", CONSENT)
    week.run("add a leaver", *add, "dirk@example.org", "--consent", CONSENT)
    week.run("add and forget", *add, "paula@example.org", "--consent", CONSENT)
    week.run("erase, JSON", "subscribers", "erase", "paula@example.org", "--yes", "--json")
    week.run("erase again", "subscribers", "erase", "paula@example.org", "--yes")
    week.run("show an erased address", "subscribers", "show", "paula@example.org")
    week.run("add an erased address", *add, "paula@example.org", "--consent", CONSENT)
    week.run("unsubscribe, JSON", "subscribers", "unsubscribe", "hanna@example.org", "--json")
    week.run("unsubscribe again", "subscribers", "unsubscribe", "hanna@example.org")
    week.run("unsubscribe a stranger", "subscribers", "unsubscribe", "niemand@example.org")
    week.run("list", "subscribers", "list")
    week.run("list, by status", "subscribers", "list", "--status", "unsubscribed")
    week.run("list, by an unknown status", "subscribers", "list", "--status", "weg")
    week.run("stats", "subscribers", "stats")
    week.run("stats, JSON", "subscribers", "stats", "--json")
    week.run("form", "subscribers", "form")
    week.run("export", "subscribers", "export")
    week.run("export to a file", "subscribers", "export", "list.csv")
    week.goldens["files"]["export.csv"] = lines_of(week, week.root / "list.csv")
    week.snapshot("after the imports")


def rehearsal(week: Week) -> None:
    """Rehearse through the outbox."""
    week.run("rehearse, JSON", "rehearse", week.first, "--json")
    week.letters("rehearse", f".newsletter/outbox/{week.first}")
    week.run("rehearse again", "rehearse", week.first)
    week.run("send through the outbox", "send", week.third)
    week.run("send --due through the outbox", "send", "--due", "--json")
    proof = ("proof", week.first, "--to", "tine@example.org", "--json")
    week.run("proof through the outbox, JSON", *proof)
    week.letters("proof", ".newsletter/outbox/_proofs")
    week.run("status of a rehearsal, JSON", "status", week.first, "--json")
    page = week.root / ".newsletter" / "outbox" / week.first / "index.html"
    week.goldens["files"]["index.html of a rehearsal"] = week.text("index", page.read_text())
    week.run("cancel a rehearsal", "cancel", week.third)


def preflight(week: Week, fake: FakeResend) -> None:
    """Try to send for real before everything is said that must be said."""
    send = ("send", week.first, "--early", "--yes", "--json")
    week.settings("resend", provider_url=fake.url)
    week.run("preflight: no key", *send, NEWSLETTER_SECRET_KEY=None)
    week.run("preflight: no ledger", *send)
    ledger = json.loads(week.run("db status, JSON", "db", "status", "--json"))["ledger"]
    week.settings("resend", provider_url=fake.url, ledger="een andere")
    week.run("preflight: another ledger", *send)
    week.settings("resend", provider_url=fake.url, ledger=ledger)
    week.run("preflight: no provider's key", *send, RESEND_API_KEY="")
    week.run("preflight: no web app", *send)
    week.run("status with a provider, JSON", "status", "--json")
    assert not fake.count
    week.mark = len(fake.requests)


def first_issue(week: Week, fake: FakeResend) -> None:
    """Send the first issue to everyone, and look at it."""
    week.ask("issue before it is sent", "GET", f"/issues/{week.first}")
    week.run("proof, JSON", "proof", week.first, "--to", "tine@example.org", "--json")
    week.run("send without --yes", "send", week.first)
    week.run("send too early", "send", week.first, "--yes")
    week.run("send a dry run, JSON", "send", week.first, "--dry-run", "--early", "--json")
    week.run("send a dry run", "send", week.first, "--dry-run", "--early")
    # Frozen but for one letter, so that its public id can be chosen before the others leave.
    week.run("send to one, JSON", "send", week.first, "--early", "--yes", "--limit", "1", "--json")
    week.set_public_id("mailings", "mailing", f"slug = '{week.first}' AND provider = 'resend'")
    week.set_public_id("subscribers", "bert", "email = 'bert@example.org'")
    week.names.exact.add(sign("leave", bytes.fromhex(FIXED["bert"] + FIXED["mailing"])))
    week.run("status of a paused one, JSON", "status", week.first, "--json")
    week.run("status of a paused one", "status", week.first)
    week.run("send --due while one is paused, JSON", "send", "--due", "--json")
    week.run("send the rest, JSON", "send", week.first, "--yes", "--json")
    week.run("send once more", "send", week.first, "--yes")
    slug = copy(week)
    week.run("send a copy", "send", slug, "--early", "--yes")
    (week.root / "issues" / f"{slug}.md").unlink()
    week.run("status of a sent one, JSON", "status", week.first, "--json")
    week.run("status of a sent one", "status", week.first)
    week.run("status after sending, JSON", "status", "--json")
    week.run("status after sending", "status")
    week.run("pause what is sent", "pause", week.first)
    week.run("cancel what is sent", "cancel", week.first)
    week.run("rehearse what is sent", "rehearse", week.first)
    week.requests("first issue", fake, week.mark)
    week.mark = len(fake.requests)
    said = week.ask("issue", "GET", f"/issues/{week.first}")
    known = {"If-None-Match": said.headers["etag"]}
    week.ask("issue that is known", "GET", f"/issues/{week.first}", headers=known)
    week.ask("issue, HEAD", "HEAD", f"/issues/{week.first}")
    week.ask("issue that is not there", "GET", "/issues/niets")
    week.ask("nothing there", "GET", "/niets")
    week.ask("health", "GET", "/healthz")
    week.ask("method that is not allowed", "DELETE", "/subscribe")


def copy(week: Week) -> str:
    """Write the first issue under another name."""
    slug = f"{week.dates['day of third']}-kopie"
    text = (week.root / "issues" / f"{week.first}.md").read_text(encoding="utf-8")
    week.write(slug, text)
    return slug


def events(week: Week, fake: FakeResend) -> None:
    """Let the provider say what became of letters."""
    (rows,) = week.query(
        "SELECT s.email, d.ref, d.provider_id FROM deliveries d"
        " JOIN subscribers s ON s.id = d.subscriber_id"
        " JOIN mailings m ON m.id = d.mailing_id WHERE m.provider = 'resend'"
    )
    refs = {row[0].partition("@")[0]: row for row in rows}
    bounce = {
        "diagnosticCode": ["smtp; 550 5.1.1 user unknown"],
        "message": "The mailbox does not exist",
        "subType": "General",
        "type": "Permanent",
    }
    reported = {
        "delivered": ("email.delivered", "anna", {}),
        "delivered to another": ("email.delivered", "bert", {}),
        "hard bounce": ("email.bounced", "carla", {"bounce": bounce}),
        "soft bounce": ("email.bounced", "otto", {"bounce": bounce | {"type": "Transient"}}),
        "complaint": ("email.complained", "gijs", {}),
        "kind that is unknown": ("email.danced", "anna", {}),
    }
    for step, (kind, who, more) in reported.items():
        email, ref, name = refs[who]
        # A letter that the provider names twice may have been taken twice.
        named = {} if who == "otto" else {"email_id": name}
        body, headers = webhook(kind, email, ref, **more, **named)
        week.ask(f"webhook: {step}", "POST", "/webhooks/resend", content=body, headers=headers)
    body, headers = webhook("email.delivered", *refs["anna"][:2])
    where = "/webhooks/resend"
    week.ask("webhook: changed on its way", "POST", where, content=body + b" ", headers=headers)
    week.ask("webhook: no signature", "POST", where, content=body)
    week.ask("webhook: another provider", "POST", "/webhooks/ses", content=b"{}")
    week.ask("webhook: no provider", "POST", "/webhooks/niets", content=b"{}")
    wait_for(lambda: week.query("SELECT count(*) FROM events")[0][0][0] >= 5)
    week.run("status with events, JSON", "status", week.first, "--json")
    week.run("status with events", "status", week.first)
    for who in ("anna", "carla", "gijs", "otto", "dirk"):
        week.run(f"show {who}", "subscribers", "show", f"{who}@example.org")
    fake.suppressed.append(
        {
            "id": "s1",
            "email": "otto@example.org",
            "origin": "bounce",
            "created_at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f+00}",
        }
    )
    week.run("events pull, JSON", "events", "pull", "--json")
    week.run("events pull again", "events", "pull")
    week.snapshot("after the events")


def sign_ups(week: Week, fake: FakeResend) -> None:
    """Sign up and confirm."""
    form = week.ask("sign-up form", "GET", "/")
    week.ask("sign-up form, by its other address", "GET", "/subscribe")
    assert 'name="stamp"' in form.text
    shown_at = int((time.time() - 60) * 1000)
    stamp = sign("form", shown_at.to_bytes(8, "big") + f"{week.public_url}/".encode())

    def post(step: str, email: str, name: str = "", network: int = 1, **more: str) -> None:
        week.ask(
            f"sign up: {step}",
            "POST",
            "/subscribe",
            data={"email": email, "first_name": name, "stamp": stamp, **more},
            headers={"X-Forwarded-For": f"198.51.100.{network}", "User-Agent": "Goldens/1"},
        )

    post("a stranger", "quinten@example.org", "Quinten", 1)
    wait_for(lambda: len(fake.requests) > week.mark)
    post("who is on the list", "anna@example.org", "Anna", 2)
    wait_for(lambda: len(fake.requests) > week.mark + 1)
    post("no address", "", "Quinten", 3)
    post("a wrong address", "quinten", "Quinten", 4)
    post("a wrong name", "quinten@example.org", "http://spam.example.org", 5)
    post("a robot", "robot@example.org", "", 6, onderwerp="ja")
    post("a stamp of another key", "quinten@example.org", "", 7, stamp="x" + stamp)
    wait_for(lambda: settled(week, 2))
    week.requests("sign-up", fake, week.mark)
    week.mark = len(fake.requests)
    week.set_public_id("signups", "signup")
    token = sign("confirm", bytes.fromhex(FIXED["signup"]))
    week.names.exact.add(token)
    week.goldens["tokens"]["confirm"] = f"/c/{token}"
    week.ask("confirm: the button", "GET", f"/c/{token}")
    week.ask("confirm", "POST", f"/c/{token}", headers={"X-Forwarded-For": "198.51.100.9"})
    wait_for(lambda: settled(week, 3))
    week.requests("welcome", fake, week.mark)
    week.mark = len(fake.requests)
    week.ask("confirm again", "POST", f"/c/{token}")
    week.ask("confirm: the button afterwards", "GET", f"/c/{token}")
    week.ask("confirm: a wrong link", "GET", f"/c/{token[:-1]}")
    week.run("show who signed up", "subscribers", "show", "quinten@example.org")


def settled(week: Week, count: int) -> bool:
    (found,) = week.query("SELECT count(*) FROM notices WHERE state = 'accepted'")[0]
    return int(found[0]) >= count


def preferences(week: Week, fake: FakeResend) -> None:
    """Unsubscribe, and use preferences with links that are exact."""
    bert = bytes.fromhex(FIXED["bert"])
    leave = sign("leave", bert + bytes.fromhex(FIXED["mailing"]))
    nobody = sign("leave", bytes(32))
    ours = sign("preferences", bert + FAR.to_bytes(8, "big"))
    past = sign("preferences", bert + (1_700_000_000).to_bytes(8, "big"))
    week.names.exact.update((leave, nobody, ours, past))
    week.goldens["tokens"] |= {
        "leave": f"/u/{leave}",
        "leave of nobody": f"/u/{nobody}",
        "preferences": f"/p/{ours}",
        "preferences, ended": f"/p/{past}",
    }
    week.ask("preferences: ask for the link", "POST", f"/u/{leave}?voorkeuren")
    wait_for(lambda: settled(week, 4))
    week.requests("preferences link", fake, week.mark)
    week.mark = len(fake.requests)
    week.ask("preferences", "GET", f"/p/{ours}")
    week.ask("preferences: own data", "GET", f"/p/{ours}?gegevens")
    week.ask("preferences: erasing", "GET", f"/p/{ours}?vergeten")
    week.ask("preferences: ended", "GET", f"/p/{past}")
    week.ask("preferences: ended, another link", "POST", f"/p/{past}", data={"do": "link"})
    # How this letter looks depends on what its subscriber chooses below.
    wait_for(lambda: settled(week, 5))
    week.ask("preferences: wrong link", "GET", f"/p/{ours[:-1]}")
    for step, data in {
        "name": {"do": "name", "first_name": "Bertha"},
        "wrong name": {"do": "name", "first_name": "http://spam.example.org"},
        "pause": {"do": "pause", "weeks": "4"},
        "wrong pause": {"do": "pause", "weeks": "honderd"},
        "resume": {"do": "resume"},
        "plain text": {"do": "plain"},
        "wrong address": {"do": "address", "email": "bertha"},
        "no address": {"do": "address", "email": ""},
        "address": {"do": "address", "email": "bertha@example.org"},
        "what is unknown": {"do": "dansen"},
    }.items():
        week.ask(f"preferences: {step}", "POST", f"/p/{ours}", data=data)
    wait_for(lambda: settled(week, 6))
    week.set_public_id(week.table("address_changes"), "change")
    token = sign("address", bytes.fromhex(FIXED["change"]) + FAR.to_bytes(8, "big"))
    week.names.exact.add(token)
    week.goldens["tokens"]["address"] = f"/p/{token}"
    week.ask("another address: the button", "GET", f"/p/{token}")
    week.ask("another address: not a form", "POST", f"/p/{token}")
    week.ask("another address", "POST", f"/p/{token}", data=PRESSED)
    week.ask("another address, again", "POST", f"/p/{token}", data=PRESSED)
    wait_for(lambda: settled(week, 7))
    week.requests("preferences", fake, week.mark)
    week.mark = len(fake.requests)
    week.ask("unsubscribe: nobody", "GET", f"/u/{nobody}")
    week.ask("unsubscribe: nobody, pressed", "POST", f"/u/{nobody}")
    week.ask("unsubscribe: the button", "GET", f"/u/{leave}")
    week.ask("unsubscribe: the button, HEAD", "HEAD", f"/u/{leave}")
    week.ask("unsubscribe: wrong link", "POST", f"/u/{leave[:-1]}")
    one_click = {"List-Unsubscribe": "One-Click"}
    week.ask("unsubscribe: one-click", "POST", f"/u/{leave}", data=one_click)
    week.ask("unsubscribe: again", "POST", f"/u/{leave}")
    week.ask("preferences of who left", "GET", f"/p/{ours}")
    week.run("show who left", "subscribers", "show", "bertha@example.org")
    week.snapshot("after the preferences")
    week.ask("preferences: erase", "POST", f"/p/{ours}", data={"do": "erase"})
    week.ask("preferences: of who is erased", "GET", f"/p/{ours}")


def unknown(week: Week, ses: FakeSes, back: str) -> None:
    """Send through a provider that knows no repetition, and let a person decide."""
    week.names.add(ses.url.removeprefix("http://"), "other provider")
    week.env |= {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
    }
    week.settings("ses", provider_url=ses.url)
    for number, (slug, decision) in enumerate(
        ((week.second, "--assume-sent"), (week.third, "--resend")), 1
    ):
        send = ("send", slug, "--early", "--yes", "--json")
        ses.faults = {ses.count + 1: ses.FAULTS["reset-accepted"]}
        week.run(f"unknown {number}: send to one, JSON", *send, "--limit", "1")
        week.run(f"unknown {number}: send the rest, JSON", *send)
        week.run(f"unknown {number}: status, JSON", "status", slug, "--json")
        week.run(f"unknown {number}: status", "status", slug)
        week.run(f"unknown {number}: no decision", "resolve", slug)
        week.run(f"unknown {number}: resolve, JSON", "resolve", slug, decision, "--yes", "--json")
        week.run(f"unknown {number}: resolve again", "resolve", slug, decision, "--yes")
        week.run(f"unknown {number}: send again, JSON", *send)
    week.requests("unknown", ses)
    week.settings("resend", provider_url=back)


def later_issues(week: Week, fake: FakeResend) -> None:
    """Pause and cancel, and use a key that the provider does not take."""
    fourth = week.write(f"{week.dates['day of draft']}-vierde", THIRD.replace("gang", "hal"))
    week.run("send to two, JSON", "send", fourth, "--early", "--yes", "--limit", "2", "--json")
    week.run("pause what is paused, JSON", "pause", fourth, "--json")
    week.run("cancel, JSON", "cancel", fourth, "--json")
    week.run("cancel again", "cancel", fourth)
    week.run("send what is cancelled", "send", fourth, "--early", "--yes")
    fifth = week.write(f"{week.dates['day of broken']}-vijfde", THIRD.replace("gang", "kast"))
    refuse(fake, "401")
    week.run("send with a wrong key, JSON", "send", fifth, "--early", "--yes", "--json")
    fake.faults = {}
    week.run("cancel after a wrong key", "cancel", fifth)
    week.requests("later issues", fake, week.mark)
    week.mark = len(fake.requests)


def refuse(fake: FakeResend, fault: str) -> None:
    """Let all requests fail from now on."""
    fake.faults = {fake.count + number: fake.FAULTS[fault] for number in range(1, 1000)}


def schedule(week: Week, fake: FakeResend) -> None:
    """Send what is due, and miss what is too late."""
    week.run("send --due, with one too late, JSON", "send", "--due", "--json")
    late = week.write(f"{week.dates['day of late']}-gemist", LATE)
    now = datetime.now(ZONE) - timedelta(minutes=2)
    slug = f"{now:%Y-%m-%d}-nu"
    week.names.add(slug, "today-nu")
    week.write(slug, NOW.format(send_at=f"{now:%Y-%m-%d %H:%M}"))
    week.run("status of what is due", "status")
    week.run("status of what is due, JSON", "status", "--json")
    week.run("send --due, JSON", "send", "--due", "--json")
    week.run("send --due, again", "send", "--due")
    week.run("status of what was missed", "status", late)
    week.run("cancel what was missed", "cancel", late)
    week.requests("schedule", fake, week.mark)


def other_providers(week: Week, folder: Path) -> None:
    """Send one issue through each provider that the week does not use otherwise."""
    kinds: dict[str, tuple[type[FakeServer], dict[str, str]]] = {
        "mailgun": (FakeMailgun, {"MAILGUN_API_KEY": "key-of-goldens", "MAILGUN_DOMAIN": DOMAIN}),
        "lettermint": (FakeLettermint, {"LETTERMINT_API_TOKEN": "lm_of_goldens"}),
    }
    for number, (name, (kind, env)) in enumerate(kinds.items()):
        week.env |= env
        date = datetime.now(ZONE) + timedelta(days=41 + 7 * number)
        week.names.days[f"{date:%Y-%m-%d}"] = f"<day of {name}>"
        text = FIRST.format(date=f"{date:%Y-%m-%d}").replace("stoel", name)
        slug = week.write(f"{date:%Y-%m-%d}-{name}", text)
        with kind(folder / f"taken by {name}") as fake:
            week.names.add(fake.url.removeprefix("http://"), f"{name}'s server")
            week.settings(name, provider_url=fake.url)
            send = ("send", slug, "--early", "--yes", "--no-preflight")
            week.run(f"send through {name}, JSON", *send, "--json")
            week.run(f"status of {name}, JSON", "status", slug, "--json")
            week.requests(name, fake)


def tokens(week: Week) -> None:
    """Check that letters carry the exact links."""
    said = json.dumps(week.goldens["requests"])
    assert week.goldens["tokens"]["leave"] in said


def the_end(week: Week) -> None:
    """Look after the database."""
    week.snapshot("at the end")
    week.run("db status", "db", "status")
    week.run("db upgrade", "db", "upgrade")
    week.run("db tidy, JSON", "db", "tidy", "--json")
    week.run("db tidy", "db", "tidy")
    # Here, because PostgreSQL takes back no number that a rehearsed row had.
    dry = ("--consent", CONSENT, "--dry-run", "--json")
    week.run("import a dry run, JSON", "subscribers", "import", "members.csv", *dry)
    week.run("db move to nothing", "db", "move", "mysql://x")
    week.run("db move, JSON", "db", "move", week.moved, "--json")
    week.run("after the move", "subscribers", "add", "zoe@example.org", "--consent", CONSENT)
    week.run("stats at the end, JSON", "subscribers", "stats", "--json")


def lines_of(week: Week, path: Path) -> list[str]:
    return re.split(r"(?<=\n)", week.names.apply(path.read_text(encoding="utf-8")))[:-1]
