"""A scripted week of a newsletter, played from outside: the command, HTTP, and SQL on its tables.

It imports nothing from the package, so that modules and symbols can move. Tables and columns are
in `TABLES`, `COLUMNS` and `IDS`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from email import policy
from email.parser import BytesParser
from itertools import chain
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx
import psycopg

from tests.goldens.values import KEY, Names, against, distance, lines, without_texts
from tests.support.processes import COMMAND, run_command
from tests.support.providers.fake_mailgun import fields as mailgun_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.providers.fake_server import FakeServer

ZONE = ZoneInfo("Europe/Amsterdam")

TABLES: dict[str, str] = {}
"""The name of a table in the goldens, where the schema has another one."""

COLUMNS: dict[tuple[str, str], str] = {("subscribers", "block_reason"): "obstacle"}
"""The same of a column: by the names of its table and of itself in the schema."""

GAPS = {("consents", "id")}
"""Numbers that PostgreSQL leaves out where a row was there already; nothing refers to them."""

LEFT_OUT = {"alembic_version", "rate_counters"}
"""Tables of which the goldens say nothing: rows of `rate_counters` come and go with the hour."""

WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"a secret of goldens only").decode()
_OF_DELIVERIES = (
    "FROM deliveries d JOIN mailings m ON m.id = d.mailing_id"
    " JOIN subscribers s ON s.id = d.subscriber_id"
)
IDS = (
    ("subscriber {}", "SELECT public_id, email FROM subscribers"),
    ("mailing {}", "SELECT public_id, slug FROM mailings"),
    ("delivery {}/{}/{}", f"SELECT d.ref, m.provider, m.slug, s.email {_OF_DELIVERIES}"),
    (
        "provider's id of delivery {}/{}/{}",
        f"SELECT d.provider_id, m.provider, m.slug, s.email {_OF_DELIVERIES}",
    ),
    (
        "sign-up {}",
        "SELECT g.public_id, s.email FROM signups g JOIN subscribers s ON s.id = subscriber_id",
    ),
    ("notice {} {}", "SELECT ref, id, kind FROM notices"),
    ("key of notice {}", "SELECT key, id FROM notices"),
    ("provider's id of notice {}", "SELECT provider_id, id FROM notices"),
    ("key id of notice {}", "SELECT key_id, id FROM notices"),
    ("address change {}", "SELECT public_id, id FROM {changes}"),
    ("import {}", "SELECT public_id, id FROM imports"),
    ("ledger", "SELECT id FROM ledger"),
    ("proof {} {}", "SELECT ref, id, slug FROM proofs"),
    ("provider's id of proof {}", "SELECT provider_id, id FROM proofs"),
    (
        "key of batch {} {}",
        "SELECT b.key, b.id, m.slug FROM batches b JOIN mailings m ON m.id = b.mailing_id",
    ),
)
"""What the ids in a column are called, and which of its table's values the name holds."""

EXACT = ("SELECT content_hash FROM mailings", "SELECT hash FROM wordings")
"""Hashes that depend on nothing but texts: they stay as they are."""

FIXED = {
    "bert": "a0" * 16,
    "mailing": "b1" * 16,
    "signup": "c2" * 16,
    "change": "d3" * 16,
}
"""Public ids that the week writes into the database, so that tokens of them are exact."""
LONGEST = 200
"""No header of these letters is longer; a line of quoted-printable has at most 76 letters."""

FAR = 4_102_444_800
"""The first second of the year 2100: until then a token of the goldens is good."""

LONG = 300
"""A longer text of a request is cut into pieces, and held against others."""

HEADERS_SENT = ("content-type", "idempotency-key", "x-batch-validation", "x-lettermint-token")
HEADERS_OF_SERVERS = {"date", "server", "content-length", "transfer-encoding", "connection"}

SETTINGS = """\
name = "Brief van Tine"
description = "Elke zondag een korte brief over wonen met aandacht."
language = "nl"
timezone = "Europe/Amsterdam"
sender = "Tine <tine@example.org>"
reply_to = "post@example.org"
contact = "Postbus 12, 1000 AB Amsterdam"
site_url = "https://example.org/"
public_url = "{public_url}"
provider = "{provider}"
provider_url = "{provider_url}"
greeting = "Dag {{first_name}},"
greeting_without_name = "Dag,"
signature = "Hartelijks,\\nTine"
ledger = "{ledger}"
"""

FIRST = """\
---
subject: De stoel bij het raam
preheader: Over één plek in huis waar niets hoeft
send_at: {date} 07:00
---
Vanochtend schoof ik de stoel een halve meter naar het **raam**. Meer was het niet, en *toch* zat
ik er een uur, met [een boek](https://example.org/boek?a=1&b=2) dat dicht bleef.

> Een kamer wordt niet groter van wat je erin zet.

## Drie vragen voor deze week

- Waar in huis zit je het liefst? → Denk aan licht en aan stilte.
- Wat staat daar dat weg kan? → Een doos telt ook.
- Wie zou je daar willen uitnodigen?

💡 Welke plek mag vandaag leeg blijven?

![Een stoel bij een open raam](https://example.org/stoel.jpg)

1. Zet de stoel anders.
2. Ga zitten.

[Lees het hele verhaal](https://example.org/stoel/)

[Over lege muren](https://example.org/muren/)

---

Tot zondag.
"""
SECOND = """\
---
subject: Een la die dicht mag
preheader: Niet alles hoeft vandaag opgeruimd
---
De onderste la gaat al jaren niet meer open. Ik weet wat erin ligt: \\<niets> met haast & snoer.

[Lees verder](https://example.org/la/)
"""
THIRD = """\
---
subject: Licht in de gang
---
Er brandt weer een lamp in de gang, en % en {{haken}} mogen ook.
"""
DRAFT = "---\nsubject: Nog niet af\ndraft: yes\n---\nEen begin.\n"
BROKEN = "---\nsubjct: Verkeerd gespeld\nsend_at: straks\n---\n# Kop\n\nTekst met <b>HTML</b>.\n"
NOW = "---\nsubject: Nu op tijd\nsend_at: {send_at}\n---\nDeze brief gaat volgens het rooster.\n"
LATE = "---\nsubject: Te laat\n---\nDeze brief miste haar dag.\n"

MEMBERS = """\
Email Address,First Name,Last Name,Email Marketing Status,OPTIN_TIME,OPTIN_IP
anna@example.org,Anna,de Wit,subscribed,2024-03-01 10:00:00,192.0.2.1
bert@example.org,Bert,de Wit,subscribed,2024-03-02 10:00:00,192.0.2.2
carla@example.org,,,subscribed,,
dirk@example.org,Dirk,Bos,unsubscribed,,
els@example.org,Els,Vos,cleaned,,
geen adres,Fout,Rij,subscribed,,
anna@example.org,Anna,de Wit,subscribed,2024-03-01 10:00:00,192.0.2.1
refused.fien@example.org,Fien,Mol,subscribed,,
gijs@example.org,Gijs,"Smit, jr",subscribed,,
hanna@example.org,NULL,,subscribed,,
ivo@example.org,Ivo,,pending,,
"""
NO_STATUS = "email,voornaam\njoke@example.org,Joke\nkees@example.org,Kees\n"
SUSPICIOUS = "email,status,Wil geen post\nlies@example.org,active,ja\n"
LEAVERS = "email,status\nmira@example.org,unsubscribed\nnico@example.org,active\n"


class Week:
    """What happens in a week, and what the program says and does.

    Args:
        root: The newsletter's folder.
        url: Of the database; empty for the file that is the default.
    """

    def __init__(self, root: Path, url: str) -> None:
        self.root, self.url = root, url
        self.names = Names()
        self.goldens: dict[str, Any] = defaultdict(dict)
        self.prefix = ""
        """Before the names of the goldens of commands."""
        self.ledger = ""
        self.steps: set[str] = set()
        self.env = {"NO_COLOR": "1", "COLUMNS": "100", "NEWSLETTER_SECRET_KEY": KEY}
        today = datetime.now(ZONE)
        self.dates = {
            name: f"{today + timedelta(days=days):%Y-%m-%d}" for name, days in DAYS.items()
        }
        for name, date in self.dates.items():
            self.names.days[date] = f"<{name}>"
        self.names.add(str(root), "root")
        self.database = root / ".newsletter" / "newsletter.db"
        self._texts: dict[str, list[list[str]]] = defaultdict(list)

    # What is recorded

    def run(self, step: str, *argv: str, **env: str | None) -> str:
        """Run the command; record what it says, and return its standard output."""
        assert step not in self.steps, step
        self.steps.add(step)
        changed = self.env | env
        env_of_run = {name: value for name, value in changed.items() if value is not None}
        done = run_command(*argv, cwd=self.root, env=env_of_run)
        out, err = done.stdout, done.stderr
        self.learn()
        entry: dict[str, Any] = {"argv": self.names.deep(argv), "exit": done.returncode}
        said: dict[str, Any] = {}
        try:
            texts: list[str] = []
            entry["stdout"] = without_texts(self.names.deep(json.loads(out)), texts)
            rows = entry["stdout"].get("rows") if isinstance(entry["stdout"], dict) else None
            if isinstance(rows, dict):
                rows["rate_counters"] = "<of this hour>"
            if texts:
                said["texts in JSON"] = dict(enumerate(texts, 1))
        except ValueError:
            said["stdout"] = self.lines_of(out)
        said["stderr"] = self.lines_of(err)
        self.goldens[f"{self.prefix}commands"][step] = entry
        self.goldens[f"{self.prefix}messages"][step] = said
        return out

    def lines_of(self, text: str) -> list[str]:
        return self.names.apply(text).splitlines()

    def text(self, group: str, text: str) -> dict[str, Any]:
        """Return a long text: whole, or as what differs from one of its group before it."""
        cut = lines(self.names.apply(text))
        before = self._texts[group]
        if before:
            number, nearest = min(enumerate(before, 1), key=lambda one: distance(one[1], cut))
            if distance(nearest, cut) < len(cut) / 3:
                return {f"unlike {group} {number}": against(nearest, cut)}
        before.append(cut)
        return {f"{group} {len(before)}": cut}

    def learn(self) -> None:
        """Name the ids that the database holds by now."""
        with contextlib.suppress(LookupError):
            for name, values in IDS:
                query = values.format(changes=self.table("address_changes"))
                for public_id, *parts in self.query(query)[0]:
                    if public_id:
                        words = [_short(str(part)) for part in parts]
                        self.names.add(public_id, name.format(*words))
            for (exact,) in chain(*self.query(*EXACT)):
                self.names.exact.add(exact)

    # The database

    def table(self, golden: str) -> str:
        """Return what the schema calls a table."""
        return next((ours for ours, name in TABLES.items() if name == golden), golden)

    @contextlib.contextmanager
    def connection(self) -> Iterator[Any]:
        """Open the database behind the program's back."""
        if self.url:
            with psycopg.connect(self.url) as server:
                yield server
        elif self.database.exists():
            with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as file, file:
                yield file
        else:
            raise LookupError

    def query(self, *statements: str) -> list[list[tuple[Any, ...]]]:
        """Return the rows of each statement."""
        with self.connection() as connection:
            return [connection.execute(statement).fetchall() for statement in statements]

    def set_public_id(self, table: str, name: str, where: str = "true") -> None:
        """Write one of the fixed ids into the only row that is meant."""
        statement = f"UPDATE {table} SET public_id = '{FIXED[name]}' WHERE {where}"  # noqa: S608
        with self.connection() as connection:
            assert connection.execute(statement).rowcount == 1

    def snapshot(self, step: str) -> None:
        """Record every row of every table."""
        self.learn()
        tables = (
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
            if self.url
            else "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        )
        found = {TABLES.get(name, name): name for (name,) in self.query(tables)[0]}
        self.goldens["database"][step] = {
            golden: self._rows(found[golden]) for golden in sorted(found.keys() - LEFT_OUT)
        }

    def _rows(self, table: str) -> list[dict[str, Any]]:
        with self.connection() as connection:
            cursor = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - ours
            columns = [COLUMNS.get((table, one[0]), one[0]) for one in cursor.description]
            rows = [dict(sorted(zip(columns, row, strict=True))) for row in cursor]
        rows.sort(key=lambda row: row.get("id") or 0)
        named = [
            {name: self._value(value) for name, value in row.items() if (table, name) not in GAPS}
            for row in rows
        ]
        return named if rows and "id" in rows[0] else sorted(named, key=json.dumps)

    def _value(self, value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
        if isinstance(value, bool):
            return int(value)
        if isinstance(value, datetime):
            value = f"{value:%Y-%m-%d %H:%M:%S.%f}"
        if isinstance(value, bytes):
            try:
                return self.text("frozen letter", value.decode())
            except UnicodeDecodeError:
                return f"<{len(value)} bytes>"
        if isinstance(value, str) and value.startswith(("{", "[")):
            value = json.loads(value)
        return self.names.deep(value)

    # Pages

    def ask(self, step: str, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - of httpx
        """Ask the web app; record its answer."""
        assert step not in self.goldens["pages"], step
        said = self.client.request(method, path, **more)
        self.learn()
        headers = sorted(
            [
                name,
                ", ".join(sorted(value.split(", ")))
                if name == "allow"
                else self.names.apply(value),
            ]
            for name, value in said.headers.items()
            if name not in HEADERS_OF_SERVERS
        )
        kind = said.headers.get("content-type", "").partition(";")[0]
        body: object = (
            self.names.deep(said.json())
            if kind == "application/json"
            else self.text("page", said.text)
        )
        self.goldens["pages"][step] = {
            "request": [method, self.names.apply(path)],
            "status": said.status_code,
            "headers": [f"{name}: {value}" for name, value in headers],
            "body": body,
        }
        return said

    # Letters and requests

    def letters(self, step: str, folder: str) -> None:
        """Record the `.eml` files of a folder by their recipients."""
        mails = [
            (BytesParser(policy=policy.default).parsebytes(raw)["to"], file.name, raw)
            for file in (self.root / folder).glob("*.eml")
            for raw in (file.read_bytes(),)
        ]
        for to, name, raw in sorted(mails):
            # Where lines of quoted-printable are broken depends on how long dates are in words.
            head, _, body = raw.replace(b"=\r\n", b"").decode().partition("\r\n\r\n")
            (boundary,) = re.findall(r'boundary="(.*)"', head)
            self.goldens["letters"][f"{step} {to}"] = {
                "file": self.names.apply(name),
                "lines of the body are short": max(map(len, raw.split(b"\r\n"))) <= LONGEST,
                "headers": self.names.apply(head).split("\r\n"),
                "body": self.text("eml", body.replace(boundary, "BOUNDARY")),
            }

    def requests(self, step: str, fake: FakeServer, skip: int = 0) -> None:
        """Record what a provider was asked since the last time."""
        self.learn()
        entries = self.goldens["requests"]
        # Some leave side by side.
        made = sorted(fake.requests[skip:], key=_addresses)
        for number, request in enumerate(made, 1):
            entries[f"{step} {number}"] = {
                "request": [request.method, self.names.apply(request.path)],
                "headers": {
                    name: self.names.apply(request.headers[name])
                    for name in HEADERS_SENT
                    if name in request.headers and not request.headers[name].startswith("multipart")
                },
                "body": self._body(request),
            }

    def _body(self, request: Any) -> object:  # noqa: ANN401 - of a stand-in
        if not request.body:
            return None
        if request.headers.get("content-type", "").startswith("application/json"):
            return self._fields(json.loads(request.body))
        if "/messages" in request.path:
            return self._fields(mailgun_fields(request))
        return self.names.apply(request.body.decode())

    def _fields(self, value: Any, name: str = "") -> Any:  # noqa: ANN401 - whatever JSON holds
        if isinstance(value, dict):
            return {self.names.apply(key): self._fields(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [self._fields(one, name) for one in value]
        if isinstance(value, str):
            # AWS wants JSON in a text.
            return self.text(name, value) if len(value) > LONG else self.names.apply(value)
        return value

    # The newsletter

    def write(self, name: str, text: str) -> str:
        """Write an issue; return its slug."""
        path = self.root / "issues" / f"{name}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    def settings(self, provider: str, *, provider_url: str = "", ledger: str = "") -> None:
        """Write the settings; a ledger that was said once stays."""
        self.ledger = ledger or self.ledger
        values = {"provider": provider, "provider_url": provider_url, "ledger": self.ledger}
        text = SETTINGS.format(public_url=self.public_url, **values)
        text = re.sub(r'^(provider_url|ledger) = ""\n', "", text, flags=re.MULTILINE)
        (self.root / "newsletter.toml").write_text(text, encoding="utf-8")

    def prepare(self) -> None:
        self.port = free_port()
        self.public_url = f"http://127.0.0.1:{self.port}"
        self.names.add(f"127.0.0.1:{self.port}", "web app")
        self.moved = f"sqlite:///{self.root}/moved.db"
        self.names.add(self.moved, "new database")
        if self.url:
            self.names.add(self.url, "database url")

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Run the web app."""
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", str(self.port), "--proxy", "127.0.0.1"],
            cwd=self.root,
            env={**os.environ, **self.env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        said: list[str] = []
        assert process.stderr
        listener = threading.Thread(target=lambda: said.extend(process.stderr or ()))
        listener.start()
        try:
            wait_for(lambda: any("serving on" in line for line in said))
            with httpx.Client(base_url=self.public_url, timeout=60) as self.client:
                yield
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(60)
            listener.join(60)
            process.stderr.close()
        self.goldens["commands"]["serve"] = {"exit": status}
        self.goldens["messages"]["serve"] = {"stderr": self._counted(said)}

    def _counted(self, said: list[str]) -> list[str]:
        """Return how often the log says what: when it sums up depends on how fast the week goes."""
        counts: Counter[str] = Counter()
        for line in self.lines_of("".join(said)):
            _, summed_up, kinds = line.partition(" summary: ")
            if summed_up:
                for kind in kinds.split(", "):
                    name, _, count = kind.rpartition(" (")
                    counts[name] += int(count.rstrip(")"))
            elif found := re.fullmatch(r"notices: (\d+) (\w+)", line):
                counts[f"notices: {found[2]}"] += int(found[1])
            else:
                # What a sum leaves out: when, how long, and a remark.
                counts[re.sub(r"^<time\S+ | <ms>.*", "", line)] += 1
        return [f"{count} × {name}" for name, count in sorted(counts.items())]


DAYS = {
    "day of first": 6,
    "day of second": 13,
    "day of third": 20,
    "day of draft": 27,
    "day of broken": 34,
    "day of late": -2,
}


def _addresses(request: Any) -> bytes:  # noqa: ANN401 - of a stand-in
    """Return all addresses in a request."""
    return b" ".join(re.findall(rb"[\w.]+@example\.org", request.body))


def _short(value: str) -> str:
    """Return an address without its domain, a slug without its date."""
    return re.sub(r"^\d{4}-\d\d-\d\d-|@.*", "", value)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def webhook(kind: str, email: str, ref: str, **more: object) -> tuple[bytes, dict[str, str]]:
    """Return a webhook of Resend and its headers."""
    at = int(time.time())
    when = f"{datetime.fromtimestamp(at, ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%S.000Z}"
    data = {
        "email_id": f"id-{ref}",
        "created_at": when,
        "from": "Tine <tine@example.org>",
        "to": [email],
        "subject": "De stoel bij het raam",
        "tags": {"delivery": ref},
        **more,
    }
    body = json.dumps({"type": kind, "created_at": when, "data": data}).encode()
    name = "msg_" + hashlib.sha256(f"{kind} {email}".encode()).hexdigest()[:24]
    secret = base64.b64decode(WEBHOOK_SECRET.removeprefix("whsec_"))
    digest = hmac.new(secret, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    return body, {
        "svix-id": name,
        "svix-timestamp": str(at),
        "svix-signature": "v1," + base64.b64encode(digest).decode(),
        "content-type": "application/json",
    }
