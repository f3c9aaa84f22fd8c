"""The checks of the set-up that are made here, each with what it is about, in their order."""

from __future__ import annotations

from typing import Final

SETTINGS_FILE: Final = "settings-file"
SETTINGS_ENVIRONMENT: Final = "settings-environment"
SETTINGS_IDENTITY: Final = "settings-identity"
SETTINGS_PROVIDER: Final = "settings-provider"
SETTINGS_PUBLIC_URL: Final = "settings-public-url"
SETTINGS_ISSUES: Final = "settings-issues"
SETTINGS_SCHEDULE: Final = "settings-schedule"
SETTINGS_PACE: Final = "settings-pace"
CLOCK: Final = "clock"
SIGNING_KEY: Final = "secret-key"
SIGNED_BEFORE: Final = "secret-fingerprint"
WEBHOOK_SIGNATURE: Final = "secret-webhook"
PRIVATE_FILES: Final = "secret-files"
NOT_IN_GIT: Final = "secret-git"
REACHABLE: Final = "database-reachable"
MIGRATIONS: Final = "database-migrations"
LEDGER: Final = "database-ledger"
OPEN: Final = "database-open"
SUBSCRIBERS: Final = "database-subscribers"
SPEED: Final = "database-speed"
DATABASE_CLOCK: Final = "database-clock"
WRITABLE: Final = "database-writable"
SPACE: Final = "database-space"
DISK: Final = "database-disk"
JOURNAL: Final = "database-journal"
INTACT: Final = "database-intact"
ISOLATION: Final = "database-isolation"
ENCODING: Final = "database-encoding"
TLS: Final = "database-tls"
POOLER: Final = "database-pooler"
WEB_CERTIFICATE: Final = "web-certificate"
WEB_REDIRECT: Final = "web-redirect"
WEB_APP: Final = "web-app"
WEB_UNSUBSCRIBE: Final = "web-unsubscribe"
WEB_PREFERENCES: Final = "web-preferences"
WEB_COOKIE: Final = "web-cookie"
WEB_CLOCK: Final = "web-clock"
WEB_VISITORS: Final = "web-visitors"
WEB_NOTICES: Final = "web-notices"
WEB_WEBHOOK: Final = "web-webhook"
BACKLOG_OVERDUE: Final = "backlog-overdue"
BACKLOG_MAILINGS: Final = "backlog-mailings"
BACKLOG_UNKNOWN: Final = "backlog-unknown"
BACKLOG_FORM: Final = "backlog-form"
BACKLOG_NOTICES: Final = "backlog-notices"
BACKLOG_WEBHOOKS: Final = "backlog-webhooks"
BACKLOG_EVENTS: Final = "backlog-events"

CHECKS: Final = (
    (SETTINGS_FILE, "There is one settings file, and it can be read"),
    (SETTINGS_ENVIRONMENT, "The environment's variables can be read, and none is misspelt"),
    (SETTINGS_IDENTITY, "Sender and contact are filled in, with an address of one's own"),
    (SETTINGS_PROVIDER, "The provider is the one that is meant"),
    (SETTINGS_PUBLIC_URL, "Subscribers can use public_url, and so can their mail programs"),
    (SETTINGS_ISSUES, "There is a folder issues/"),
    (SETTINGS_SCHEDULE, "The schedule may start a letter late enough to be in time"),
    (SETTINGS_PACE, "A letter to everyone is finished in time"),
    (CLOCK, "This machine's clock is possible"),
    (SIGNING_KEY, "The secret key is set, and nobody can guess it"),
    (SIGNED_BEFORE, "Every key that has signed letters is still there"),
    (WEBHOOK_SIGNATURE, "The secret with which the provider signs webhooks is set"),
    (PRIVATE_FILES, "No other user of this machine can read the database and the key"),
    (NOT_IN_GIT, "Nothing private is in the git repository"),
    (REACHABLE, "The database can be read"),
    (MIGRATIONS, "The database has the tables of this version"),
    (LEDGER, "The database is the one that the setting ledger names"),
    (OPEN, "The database was not moved elsewhere"),
    (SUBSCRIBERS, "There are active subscribers"),
    (SPEED, "The database answers soon"),
    (DATABASE_CLOCK, "The database and this machine agree about the time"),
    (WRITABLE, "The database can be written"),
    (SPACE, "SQLite: there is room on its disk"),
    (DISK, "SQLite: the file is on a disk of this machine"),
    (JOURNAL, "SQLite: others can read while one writes, and a commit is on the disk"),
    (INTACT, "SQLite: the file is not damaged"),
    (ISOLATION, "PostgreSQL: transactions are isolated as this program asks"),
    (ENCODING, "PostgreSQL: text of every language can be stored"),
    (TLS, "PostgreSQL: what travels through the internet is encrypted"),
    (POOLER, "PostgreSQL: whether a pooler is in between"),
    (WEB_CERTIFICATE, "The certificate of public_url is valid, and for a while"),
    (WEB_REDIRECT, "Whoever types http:// is led to https://"),
    (WEB_APP, "The web app of this newsletter answers at public_url, on the same database"),
    (WEB_UNSUBSCRIBE, "The unsubscribe link and one-click work"),
    (WEB_PREFERENCES, "Who asks for their preferences is not unsubscribed"),
    (WEB_COOKIE, "No answer sets a cookie"),
    (WEB_CLOCK, "The web server and this machine agree about the time"),
    (WEB_VISITORS, "The web app sees the addresses of its visitors, not that of a proxy"),
    (WEB_NOTICES, "The web app can mail confirmations and other notices"),
    (WEB_WEBHOOK, "The provider's webhooks reach the web app"),
    (BACKLOG_OVERDUE, "No issue of the last week has missed its time"),
    (BACKLOG_MAILINGS, "No mailing is paused or unfinished"),
    (BACKLOG_UNKNOWN, "The outcome of every delivery is known"),
    (BACKLOG_FORM, "The sign-up form is open"),
    (BACKLOG_NOTICES, "No notice waits to be sent"),
    (BACKLOG_WEBHOOKS, "Every webhook was read"),
    (BACKLOG_EVENTS, "The provider's events arrive"),
)
"""Ids never change: scripts know them. `docs/doctor.md` says what each means and what to do."""
