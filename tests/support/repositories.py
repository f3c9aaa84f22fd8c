"""Plans of an author's repository."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import date, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from newsletter.repository import Installation, RepositoryPlan
from newsletter.repository.plan import ALL_DAY, as_cron, daily_triggers, utc_times

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d"
INSTALLATION = Installation(
    version="0.1.0",
    source=f"example/newsletter-pipeline at {COMMIT[:12]}",
    program=(f"git+https://github.com/example/newsletter-pipeline.git@{COMMIT}\n"),
    dependencies="click==8.1.8 --hash=sha256:" + "0" * 64 + "\n",
)


def plan(**changes: Any) -> RepositoryPlan:  # noqa: ANN401 - the fields of a plan
    """Return the plan of a usual repository, with changes."""
    zone = ZoneInfo("Europe/Amsterdam")
    times = daily_triggers(time(7), 6)
    found = RepositoryPlan(
        name="Jij en Loslaten",
        sender="Gerrit <gerrit@example.org>",
        sender_domain="example.org",
        contact="Kade 1, 1000 AA Amsterdam",
        provider="resend",
        send_variables=("NEWSLETTER_DATABASE_URL", "NEWSLETTER_SECRET_KEY", "RESEND_API_KEY"),
        optional_variables=(),
        web_variables=(
            *("NEWSLETTER_DATABASE_URL", "NEWSLETTER_SECRET_KEY", "RESEND_API_KEY"),
            "RESEND_WEBHOOK_SECRET",
        ),
        language="nl",
        timezone="Europe/Amsterdam",
        public_url="https://brief.example.org",
        public_host="brief.example.org",
        public_site="brief.example.org",
        archive_url="",
        pages="none",
        ci="github",
        author="Gerrit",
        send_day="sunday",
        send_time="07:00",
        crons=(*map(as_cron, times), ALL_DAY),
        utc_crons=(
            *(as_cron(utc) for one in times for utc in utc_times(one, zone, 2026)),
            ALL_DAY,
        ),
        last_cron=as_cron(times[-1]),
        last_utc_crons=tuple(map(as_cron, utc_times(times[-1], zone, 2026))),
        site="https://example.org/",
        draft="2026-12-06-eerste-brief",
        draft_date=date(2026, 12, 6),
        install=INSTALLATION,
    )
    found = replace(found, **changes)
    needs_none = found.ci == "none" and found.pages == "none"
    return replace(found, install=None) if needs_none and "install" not in changes else found


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, without anybody's settings; return what it printed."""
    names = ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME")
    addresses = ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL")
    environment = {
        **os.environ,
        **dict.fromkeys(names, "Test"),
        **dict.fromkeys(addresses, "test@example.org"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
    }
    done = subprocess.run(
        ["git", "-C", folder, *arguments],
        capture_output=True,
        check=True,
        text=True,
        env=environment,
    )
    return done.stdout.strip()


def program_repository(
    folder: Path, version: str = "0.2.0", name: str = "newsletter-pipeline"
) -> str:
    """Make a repository that looks like this program's, with a tag; return its URL."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "{version}"\n'
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["newsletter"]\n'
    )
    (folder / "newsletter").mkdir()
    (folder / "newsletter" / "__init__.py").touch()
    (folder / "requirements.txt").write_text("click==8.1.8 --hash=sha256:" + "1" * 64 + "\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=First")
    git(folder, "tag", "--annotate", "--message=Release", f"v{version}")
    return folder.as_uri()
