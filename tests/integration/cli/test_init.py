"""`newsletter init`: a repository by the real command, in a folder that is empty or is not."""

from __future__ import annotations

import functools
import itertools
import json
import os
import pty
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newsletter.cli.init_text import dns_lines
from newsletter.config import PROVIDERS
from newsletter.repository.origin import Origin, OriginKind
from newsletter.repository.ownership import is_edited, is_marked, mark, unmark
from newsletter.repository.plan import CI, PAGES
from tests.support.dns_server import Zone, serve_dns
from tests.support.processes import run_command
from tests.support.repositories import git, program_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

QUIET = {"NEWSLETTER_PROVIDER_URL": "http://127.0.0.1:9"}  # so that no DNS is asked
NAMED = {
    "--name": "Stil Water",
    "--sender": "Marijke de Wit <marijke@brief.example>",
    "--contact": "Kade 1, 1000 AA Amsterdam",
    "--provider": "resend",
    "--public-url": "https://brief.example",
    "--pages": "none",
    "--ci": "none",
}


def given(**changes: str) -> tuple[str, ...]:
    """Return options that answer every question, some of them with another value."""
    options = {**NAMED, **{f"--{key.replace('_', '-')}": one for key, one in changes.items()}}
    return tuple(itertools.chain.from_iterable(options.items()))


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a version of the program in a git repository, as `--from` names it."""
    return program_repository(tmp_path_factory.mktemp("git") / "program") + "@v0.2.0"


def init(
    folder: Path, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `newsletter init` in a folder, without a terminal."""
    return run_command("init", *arguments, cwd=folder, env={**QUIET, **(env or {})})


def files(folder: Path) -> set[str]:
    """Return the paths of all files but git's own."""
    found = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return {
        path.relative_to(folder).as_posix()
        for path in found
        if ".git" not in path.relative_to(folder).parts
    }


EVERY_KIND = [
    (tuple(PROVIDERS)[at % 5], "en" if at // 5 % 2 else "nl", ci, pages)
    for at, (ci, pages) in enumerate(itertools.product(CI, PAGES))
]
"""Each kind of jobs with each kind of web app; each provider in each language."""


@pytest.mark.parametrize("kinds", EVERY_KIND, ids="-".join)
def test_the_new_repository_is_clean_and_can_be_rehearsed(
    tmp_path: Path, program: str, kinds: tuple[str, str, str, str]
) -> None:
    provider, language, ci, pages = kinds
    options = given(provider=provider, language=language, ci=ci, pages=pages)
    done = init(tmp_path, "brief", *options, "--from", program)
    assert done.returncode == 0, done.stderr
    root = tmp_path / "brief"
    checked = run_command("check", "--json", cwd=root)
    found = {one["rule"] for one in json.loads(checked.stdout)}
    assert (checked.returncode, found) == (0, set()), checked.stderr
    run_command("subscribers", "add", "anna@lezers.example", "--consent", "x", cwd=root)
    (issue,) = (root / "issues").glob("*.md")
    rehearsed = run_command("rehearse", issue.stem, cwd=root)
    assert rehearsed.returncode == 0, rehearsed.stderr
    assert (root / ".newsletter" / "outbox" / issue.stem / "index.html").exists()
    installs = (root / "newsletter-install" / "program.txt").exists()
    assert installs == (ci != "none" or pages != "none")
    built = run_command("archive", "build", "--out", "public", cwd=root)
    assert built.returncode == 0, built.stderr
    for folder in (".newsletter", "public"):
        assert git(root, "status", "--porcelain", "--ignored", "--", folder).startswith("!!")


def test_every_provider_is_tried_in_every_language() -> None:
    assert {kinds[:2] for kinds in EVERY_KIND} == {*itertools.product(PROVIDERS, ["nl", "en"])}


def test_the_demo_runs_in_a_new_repository(tmp_path: Path) -> None:
    assert init(tmp_path, ".", *given()).returncode == 0
    done = run_command("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (folder,) = re.findall(r"in (/\S+newsletter-demo-\S+)", done.stdout)
    shutil.rmtree(folder)


def test_what_is_written_says_what_was_answered(tmp_path: Path) -> None:
    sender = 'Marijke "Rijk" de Wit <marijke@brief.example>'
    done = init(tmp_path, *given(sender=sender, timezone="Europe/Brussels", language="en"))
    assert done.returncode == 0, done.stderr
    found = tomllib.loads((tmp_path / "newsletter.toml").read_text(encoding="utf-8"))
    assert found["name"] == "Stil Water"
    assert found["timezone"] == "Europe/Brussels"
    assert found["greeting"] == "Hello {first_name},"
    assert found["signature"] == 'Best wishes,\nMarijke "Rijk" de Wit'
    assert found["ledger"] == ""
    (issue,) = (tmp_path / "issues").glob("*-first-letter.md")
    text = issue.read_text(encoding="utf-8")
    assert "\ndraft: yes\n" in text
    assert "https://brief.example/" in text
    assert len((tmp_path / "README.md").read_text(encoding="utf-8").splitlines()) <= 10
    assert "draft: yes" in (tmp_path / "AGENTS.md").read_text(encoding="utf-8")


def test_without_a_terminal_the_missing_options_are_named(tmp_path: Path) -> None:
    done = init(tmp_path, "--name", "Stil Water", "--provider", "outbox")
    assert done.returncode == 2
    assert "--sender, --contact, --pages, --ci" in done.stderr
    assert "--name" not in done.stderr
    assert files(tmp_path) == set()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sender": "Marijke"}, "is not an address"),
        ({"sender": ""}, "sender is empty"),
        ({"contact": " "}, "contact is empty"),
        ({"name": " "}, "is empty"),
        ({"public_url": "http://brief.example"}, "must begin with https://"),
        ({"public_url": "brief.example"}, "is not a web address"),
        ({"public_url": "https://brief.example{"}, "is not a web address"),
        ({"public_url": "https://brief.example%0Ay"}, "is not a web address"),
        ({"timezone": "Amsterdam"}, 'Write: timezone = "Europe/Amsterdam"'),
        ({"language": "Nederlands"}, 'Write: language = "nl"'),
        ({"name": "x" * 301}, "longer than 300"),
        ({"name": "a\nb"}, "must be one line"),
    ],
)
def test_a_wrong_answer_is_refused_by_the_rule_of_its_setting(
    tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    done = init(tmp_path, "brief", *given(**changes))
    assert done.returncode == 1
    assert said in done.stderr
    assert files(tmp_path) == set()
    assert not (tmp_path / "brief").exists()


@pytest.mark.parametrize("option", ["provider", "pages", "ci"])
def test_an_unknown_kind_is_wrong_usage(tmp_path: Path, option: str) -> None:
    done = init(tmp_path, *given(**{option: "carrier-pigeon"}))
    assert done.returncode == 2
    assert files(tmp_path) == set()


def test_a_free_mail_sender_is_warned_of_with_the_reason(tmp_path: Path) -> None:
    done = init(tmp_path, *given(sender="Marijke <marijke@ziggo.nl>"))
    assert done.returncode == 0
    assert "warning: letters from an address at ziggo.nl do not arrive" in done.stderr
    (issue,) = (tmp_path / "issues").glob("*.md")
    assert "ziggo.nl" not in issue.read_text(encoding="utf-8")


# Secrets


def test_the_key_is_new_secret_and_never_printed(tmp_path: Path) -> None:
    keys = set()
    for name in ("a", "b"):
        done = init(tmp_path, name, *given(provider="ses"))
        path = tmp_path / name / ".newsletter" / "production.env"
        text = path.read_text(encoding="utf-8")
        (key,) = re.findall(r"^NEWSLETTER_SECRET_KEY=([0-9a-f]{64})$", text, re.MULTILINE)
        assert key not in done.stdout + done.stderr
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o077 == 0
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
            assert f"\n{variable}=\n" in text
        assert "\n# SES_TOPIC_ARN=\n" in text
        assert git(tmp_path / name, "check-ignore", ".newsletter/production.env")
        keys.add(key)
    assert len(keys) == 2


def test_the_secrets_that_are_there_stay(tmp_path: Path) -> None:
    path = tmp_path / ".newsletter" / "production.env"
    path.parent.mkdir()
    path.write_text("NEWSLETTER_SECRET_KEY=mine\n")
    assert init(tmp_path, *given()).returncode == 0
    assert path.read_text() == "NEWSLETTER_SECRET_KEY=mine\n"


@pytest.mark.parametrize(
    ("ci", "said"),
    [
        ("github", "gh secret set --env newsletter --env-file .newsletter/production.env"),
        ("gitlab", "glab variable set NEWSLETTER_SECRET_KEY --masked"),
        ("forgejo", "NEWSLETTER_SECRET_KEY"),
        ("systemd", "scp .newsletter/production.env root@SERVER:/etc/newsletter.env"),
        ("none", "set -a; . ./.newsletter/production.env"),
    ],
)
def test_it_says_how_the_secrets_are_stored(
    tmp_path: Path, program: str, ci: str, said: str
) -> None:
    done = init(tmp_path, *given(ci=ci), "--from", program)
    assert said in done.stdout


@pytest.mark.parametrize("ci", ["systemd", "none"])
@pytest.mark.parametrize("pages", ["vps", "none", "container"])
def test_a_database_server_is_needed_only_by_several_machines(
    tmp_path: Path, program: str, ci: str, pages: str
) -> None:
    done = init(tmp_path, *given(ci=ci, pages=pages), "--from", program)
    assert ("newsletter db upgrade" in done.stdout) == (pages == "container")
    text = (tmp_path / ".newsletter" / "production.env").read_text(encoding="utf-8")
    assert ("NEWSLETTER_DATABASE_URL" in text) == (pages == "container")


def test_it_says_first_what_takes_days(tmp_path: Path) -> None:
    done = init(tmp_path, *given(provider="ses"))
    first = done.stdout.splitlines()[0]
    assert first == "Begin with this, because ses may take days for it:"
    assert "in the sandbox" in done.stdout


ZONE: Zone = {
    "brief.example": {"MX": ["10 mx.brief.example."]},
    "mx.brief.example": {"A": ["192.0.2.1"]},
}


def test_missing_dns_records_are_printed_to_paste(tmp_path: Path) -> None:
    assert init(tmp_path, *given()).returncode == 0
    with serve_dns(ZONE) as server:
        shown = "\n".join(dns_lines(tmp_path, server.resolver()))
    assert "The DNS of brief.example:" in shown
    assert "_dmarc.brief.example TXT v=DMARC1; p=none" in shown
    assert "could not check" not in shown


def test_a_dns_that_does_not_answer_is_never_called_missing(tmp_path: Path) -> None:
    assert init(tmp_path, *given()).returncode == 0
    with serve_dns(ZONE, {"*": "SERVFAIL", "brief.example": "SERVFAIL"}) as server:
        shown = "\n".join(dns_lines(tmp_path, server.resolver()))
    (line,) = [one for one in shown.splitlines() if "could not check" in one]
    assert "could not check dns-domain, dns-spf, dns-dkim" in line
    assert len(shown.splitlines()) == 3, shown


def test_an_environment_that_is_wrong_never_blocks(tmp_path: Path) -> None:
    done = init(tmp_path, *given(), env={"NEWSLETTER_PROVIDER_URL": ""})
    assert done.returncode == 0
    assert "The DNS could not be checked: NEWSLETTER_PROVIDER_URL is set but empty" in done.stdout


# What is there already


def test_nothing_that_exists_is_changed(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("Mine")
    (tmp_path / ".gitignore").write_text("x\n")
    (tmp_path / "issues").mkdir()
    (tmp_path / "issues" / "2026-01-04-oud.md").write_text("---\nsubject: Oud\n---\nOud.\n")
    done = init(tmp_path, *given())
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "README.md").read_text() == "Mine"
    assert (tmp_path / ".gitignore").read_text() == "x\n"
    assert "README.md was there, and is as it was" in done.stdout
    assert ".gitignore was there, and is as it was" in done.stdout
    assert [one.name for one in (tmp_path / "issues").iterdir()] == ["2026-01-04-oud.md"]
    assert "newsletter proof ISSUE --to" in done.stdout
    assert "eerste-brief" not in done.stdout


@pytest.mark.parametrize("place", [".", "issues", "new"])
def test_a_newsletter_is_never_made_in_another(tmp_path: Path, place: str) -> None:
    assert init(tmp_path, *given()).returncode == 0
    before = {path: (tmp_path / path).read_bytes() for path in files(tmp_path)}
    done = init(tmp_path, place, *given(name="Ander"))
    if place == "new":  # a folder of its own, such as one to try things in
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 1
    assert "there is a newsletter already" in done.stderr
    assert "newsletter init --update" in done.stderr
    assert {path: (tmp_path / path).read_bytes() for path in files(tmp_path)} == before


def test_settings_in_pyproject_count_too(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.newsletter]\nname = "Er al"\n')
    done = init(tmp_path, *given())
    assert done.returncode == 1
    assert files(tmp_path) == {"pyproject.toml"}


@pytest.mark.parametrize("name", ["issues", ".newsletter"])
def test_a_file_in_place_of_a_folder_is_refused_before_anything_is_written(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("a file")
    done = init(tmp_path, *given())
    assert done.returncode == 1
    assert f"{name} is a file, and must be a folder" in done.stderr
    assert files(tmp_path) == {name}


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").mkdir()
    done = init(tmp_path, *given())
    assert done.returncode == 1
    assert "AGENTS.md is a folder, and must be a file" in done.stderr
    assert files(tmp_path) == set()


def test_the_folder_itself_may_not_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "brief").write_text("a file")
    done = init(tmp_path, "brief", *given())
    assert done.returncode == 1
    assert "brief" in done.stderr
    assert "must be a folder" in done.stderr


@pytest.mark.parametrize("name", ["issues", ".newsletter"])
def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "brief").mkdir()
    (tmp_path / "brief" / name).symlink_to(tmp_path / "outside")
    done = init(tmp_path, "brief", *given())
    assert done.returncode == 1
    assert f"{name} is a link that leads out of" in done.stderr
    assert list((tmp_path / "outside").iterdir()) == []
    assert files(tmp_path / "brief") == {name}


def test_a_link_in_place_of_a_file_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "outside.md").write_text("outside")
    (tmp_path / "brief").mkdir()
    (tmp_path / "brief" / "README.md").symlink_to(tmp_path / "outside.md")
    (tmp_path / "brief" / "AGENTS.md").symlink_to(tmp_path / "nowhere.md")
    done = init(tmp_path, "brief", *given())
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "outside.md").read_text() == "outside"
    assert not (tmp_path / "nowhere.md").exists()


@pytest.mark.parametrize("place", ["/proc/newsletter", "/sys/kernel/newsletter"])
def test_where_nothing_can_be_written_the_error_says_so(tmp_path: Path, place: str) -> None:
    done = init(tmp_path, place, *given())
    assert done.returncode == 1
    assert f"the folder {place} cannot be made" in done.stderr
    assert "hint: " in done.stderr


@pytest.mark.parametrize("place", ["/proc/self", "/sys/kernel"])
def test_a_folder_that_is_there_and_cannot_be_written_is_left_alone(
    tmp_path: Path, place: str
) -> None:
    done = init(tmp_path, place, *given())
    assert done.returncode == 1
    assert "error: the folder .newsletter cannot be made: " in done.stderr
    assert "git" not in done.stderr


def test_a_repository_of_a_hook_is_not_taken_for_this_one(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "other")
    env = {"GIT_DIR": str(tmp_path / "other" / ".git")}
    assert init(tmp_path, "brief", *given(), env=env).returncode == 0
    assert (tmp_path / "brief" / ".git").is_dir()


def test_a_full_disk_leaves_no_half_file_and_says_what_was_written(tmp_path: Path) -> None:
    """The limit is on the size of one file: the settings and the draft are larger than it."""
    done = run_command("init", *given(), cwd=tmp_path, env=QUIET, before=[limit_file_size])
    assert done.returncode == 1, done.stdout
    assert "AGENTS.md cannot be written: File too large" in done.stderr
    assert "Written before that: .newsletter/production.env, .gitignore" in done.stderr
    assert "AGENTS.md" not in files(tmp_path)
    assert "newsletter.toml" not in files(tmp_path)
    again = init(tmp_path, *given())
    assert again.returncode == 0, again.stderr
    assert "AGENTS.md" in files(tmp_path)


def test_the_advice_follows_from_the_error(tmp_path: Path) -> None:
    done = run_command("init", *given(), cwd=tmp_path, env=QUIET, before=[limit_file_size])
    assert "Raise the limit on the size of a file" in done.stderr
    assert "the right to write" not in done.stderr


# A wheel


def come_from_wheel(path: str) -> None:
    """Be installed from a wheel on this computer, as pip records it."""
    from newsletter.cli import init as command  # noqa: PLC0415 - in the process of the command

    url = Path(path).as_uri()
    vars(command)["read_origin"] = lambda: Origin(OriginKind.ARCHIVE, url=url, path=path)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Return a wheel that is larger than what `limit_file_size` lets be written."""
    path = tmp_path / "dist" / "newsletter_pipeline-0.2.0-py3-none-any.whl"
    path.parent.mkdir()
    path.write_bytes(bytes(range(256)) * 4)
    return path


def init_from(
    wheel: Path, folder: Path, *arguments: str, before: Sequence[Callable[[], None]] = ()
) -> subprocess.CompletedProcess[str]:
    """Run `newsletter init` as a program that was installed from a wheel."""
    steps = [*before, functools.partial(come_from_wheel, str(wheel))]
    return run_command("init", *arguments, cwd=folder, env=QUIET, before=steps)


def test_a_wheel_that_cannot_be_copied_stops_it_before_the_settings_are_there(
    tmp_path: Path, wheel: Path
) -> None:
    root = tmp_path / "brief"
    failed = init_from(wheel, tmp_path, "brief", *given(ci="github"), before=[limit_file_size])
    assert failed.returncode == 1, failed.stdout
    assert f"newsletter-install/{wheel.name} cannot be written" in failed.stderr
    assert "Written before that: .newsletter/production.env." in failed.stderr
    assert not (root / "newsletter.toml").exists()
    again = init_from(wheel, tmp_path, "brief", *given(ci="github"))
    assert again.returncode == 0, again.stderr
    assert f"  newsletter-install/{wheel.name}\n" in again.stdout
    assert (root / "newsletter-install" / wheel.name).read_bytes() == wheel.read_bytes()


def test_a_wheel_that_is_missing_or_another_is_renewed(tmp_path: Path, wheel: Path) -> None:
    assert init_from(wheel, tmp_path, "brief", *given(ci="github")).returncode == 0
    root = tmp_path / "brief"
    copy = root / "newsletter-install" / wheel.name
    for kind, spoil in (("new", copy.unlink), ("differs", lambda: copy.write_bytes(b"other"))):
        spoil()
        done = init_from(wheel, root, "--update")
        assert f"newsletter-install/{wheel.name} ({kind})" in done.stdout
        assert f"Renewed newsletter-install/{wheel.name}" in done.stdout
        assert copy.read_bytes() == wheel.read_bytes()
    assert "Nothing to renew" in init_from(wheel, root, "--update").stdout


def test_a_wheel_that_an_edited_file_names_is_kept(tmp_path: Path, wheel: Path) -> None:
    assert init_from(wheel, tmp_path, "brief", *given(ci="github")).returncode == 0
    install = tmp_path / "brief" / "newsletter-install"
    program = install / "program.txt"
    program.write_text(program.read_text() + "# mine\n")
    newer = wheel.rename(wheel.with_name("newsletter_pipeline-0.3.0-py3-none-any.whl"))
    assert init_from(newer, tmp_path / "brief", "--update").returncode == 0
    assert {one.name for one in install.glob("*.whl")} == {wheel.name, newer.name}


def limit_file_size() -> None:
    """Let no file grow beyond 550 bytes: the secrets and .gitignore fit, AGENTS.md does not."""
    import resource  # noqa: PLC0415 - in the process that it limits
    import signal  # noqa: PLC0415 - the same

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (550, 550))


# Git


def test_a_folder_becomes_a_repository_without_a_commit(tmp_path: Path) -> None:
    init(tmp_path, "brief", *given())
    assert git(tmp_path / "brief", "rev-parse", "--show-toplevel") == str(tmp_path / "brief")
    log = subprocess.run(
        ["git", "log"], cwd=tmp_path / "brief", capture_output=True, check=False, text=True
    )
    assert log.returncode != 0


def test_a_repository_that_is_there_stays_one(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=trunk")
    assert init(tmp_path, "brief", *given()).returncode == 0
    assert not (tmp_path / "brief" / ".git").exists()
    assert git(tmp_path, "symbolic-ref", "--short", "HEAD") == "trunk"


def test_without_git_it_works_and_says_so(tmp_path: Path) -> None:
    done = init(tmp_path, *given(), env={"PATH": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "warning: the folder is no git repository yet: git is not installed" in done.stderr
    assert "newsletter.toml" in files(tmp_path)


@pytest.mark.parametrize("ci", ["github", "forgejo", "gitlab"])
def test_workflows_are_never_written_where_no_forge_reads_them(
    tmp_path: Path, program: str, ci: str
) -> None:
    git(tmp_path, "init", "--quiet")
    done = init(tmp_path, "brief", *given(ci=ci), "--from", program)
    assert done.returncode == 1
    assert "jobs are read at its root only" in done.stderr
    assert files(tmp_path) == set()


# Installation


def test_an_install_that_cannot_be_pinned_is_an_error(tmp_path: Path) -> None:
    done = init(tmp_path, *given(ci="github"))
    assert done.returncode == 1
    assert "installed from a folder" in done.stderr
    assert "--from OWNER/REPO@VERSION" in done.stderr
    assert files(tmp_path) == set()


def test_a_version_that_does_not_exist_writes_nothing(tmp_path: Path, program: str) -> None:
    done = init(tmp_path, *given(ci="github"), "--from", program.replace("@v0.2.0", "@v9"))
    assert done.returncode == 1
    assert "there is no version v9" in done.stderr
    assert files(tmp_path) == set()


# A terminal


def on_terminal(folder: Path, answers: list[str], *arguments: str) -> str:
    """Run `init` on a terminal, with these lines as its answers; return all that it printed."""
    master, slave = pty.openpty()
    os.write(master, "".join(f"{one}\n" for one in answers).encode())
    done = run_command("init", *arguments, cwd=folder, env=QUIET, stdin=slave)
    os.close(slave)
    os.close(master)
    return done.stdout + done.stderr


def test_on_a_terminal_it_asks_and_asks_again_after_a_wrong_answer(tmp_path: Path) -> None:
    shown = on_terminal(
        tmp_path,
        [
            "Stil Water",
            "Marijke",  # no address: asked again
            "Marijke <marijke@brief.example>",
            "",  # no default: asked again
            "Kade 1",
            "resent",  # no such provider: asked again
            "Resend",
            "",  # no pages
            "none",
            "",  # https://brief.example
            "",  # nl
            "",  # Europe/Amsterdam
        ],
    )
    found = tomllib.loads((tmp_path / "newsletter.toml").read_text(encoding="utf-8"))
    assert found["sender"] == "Marijke <marijke@brief.example>", shown
    assert found["public_url"] == "https://brief.example"
    assert found["provider"] == "resend"
    assert "is not an address" in shown
    assert "error: resent is none of them\nhint: Type one of: outbox, resend" in shown


def test_on_a_terminal_options_answer_without_a_question(tmp_path: Path) -> None:
    shown = on_terminal(tmp_path, ["", ""], *given())
    assert (tmp_path / "newsletter.toml").exists(), shown
    assert "Name of the newsletter" not in shown


def test_on_a_terminal_it_asks_where_the_program_comes_from_until_it_is_pinned(
    tmp_path: Path, program: str
) -> None:
    answers = ["", "", "nonsense", program.replace("@v0.2.0", "@v9"), program]
    shown = on_terminal(tmp_path, answers, *given(ci="systemd"))
    assert "installed from a folder" in shown
    assert "names no repository and version" in shown
    assert "there is no version v9" in shown
    assert (tmp_path / "newsletter-install" / "program.txt").exists()
    assert (tmp_path / "newsletter.toml").exists()


# Update


@pytest.fixture
def made(tmp_path: Path, program: str) -> Path:
    """Return a repository with workflows and a container."""
    done = init(tmp_path, "brief", *given(ci="github", pages="container"), "--from", program)
    assert done.returncode == 0, done.stderr
    return tmp_path / "brief"


def owned(root: Path) -> set[str]:
    """Return the files that init renews."""
    return {path for path in files(root) if is_marked((root / path).read_text("utf-8", "replace"))}


def test_nothing_is_renewed_while_nothing_changed(made: Path, program: str) -> None:
    done = init(made, "--update", "--from", program)
    assert (done.returncode, done.stdout) == (
        0,
        "Nothing to renew: every file is as this version writes it.\n",
    )


def test_a_newer_version_is_shown_and_written(made: Path, tmp_path: Path) -> None:
    newer = program_repository(tmp_path / "newer", version="0.3.0") + "@v0.3.0"
    before = {path: (made / path).read_bytes() for path in files(made)}
    done = init(made, "--update", "--from", newer)
    assert done.returncode == 0, done.stderr
    assert "--- a/newsletter-install/program.txt\n+++ b/newsletter-install/program.txt\n" in (
        done.stdout
    )
    assert "Renewed newsletter-install/program.txt" in done.stdout
    changed = {path for path, data in before.items() if (made / path).read_bytes() != data}
    assert "newsletter-install/program.txt" in changed
    assert changed <= owned(made)
    assert not is_edited((made / "newsletter-install" / "program.txt").read_text())


def test_settings_that_jobs_depend_on_reach_them(made: Path, program: str) -> None:
    path = made / "newsletter.toml"
    path.write_text(path.read_text().replace('"resend"', '"ses"'), encoding="utf-8")
    done = init(made / "issues", "--update", "--from", program)
    assert done.returncode == 0, done.stderr
    assert '"ses"' in path.read_text()
    texts = [(made / one).read_text() for one in owned(made)]
    assert not any("RESEND_API_KEY" in text for text in texts)


def test_an_edited_file_stays_and_is_named(made: Path, program: str) -> None:
    path = made / "Dockerfile"
    path.write_text(path.read_text() + "# mine\n")
    done = init(made, "--update", "--from", program)
    assert done.returncode == 0
    assert "-# mine\n" in done.stdout
    assert "warning: Dockerfile was edited here, and stays as it is" in done.stderr
    assert path.read_text().endswith("# mine\n")


def test_on_a_terminal_an_edited_file_is_replaced_and_kept(made: Path, program: str) -> None:
    path = made / "Dockerfile"
    edited = path.read_text() + "# mine\n"
    path.write_text(edited)
    on_terminal(made, ["n"], "--update", "--from", program)
    assert path.read_text() == edited
    shown = on_terminal(made, ["y"], "--update", "--from", program)
    assert "# mine" not in path.read_text(), shown
    assert (made / ".newsletter" / "replaced" / "Dockerfile").read_text() == edited


def test_windows_line_endings_are_no_edit(made: Path, program: str) -> None:
    for path in owned(made):
        (made / path).write_bytes((made / path).read_bytes().replace(b"\n", b"\r\n"))
    done = init(made, "--update", "--from", program)
    assert "Nothing to renew" in done.stdout, done.stdout


def test_a_file_that_was_removed_is_written_again(made: Path, program: str) -> None:
    (made / "Dockerfile").unlink()
    done = init(made, "--update", "--from", program)
    assert "Dockerfile (new)" in done.stdout
    assert (made / "Dockerfile").exists()


def test_no_on_a_terminal_changes_nothing(made: Path, program: str) -> None:
    (made / "Dockerfile").unlink()
    on_terminal(made, ["n"], "--update", "--from", program)
    assert not (made / "Dockerfile").exists()


def test_update_changes_no_settings_and_needs_a_newsletter(made: Path, tmp_path: Path) -> None:
    done = init(made, "--update", "--name", "Ander")
    assert done.returncode == 2
    assert "--name" in done.stderr
    (tmp_path / "empty").mkdir()
    nothing = init(tmp_path / "empty", "--update")
    assert nothing.returncode == 1
    assert "there is no newsletter" in nothing.stderr
    assert files(tmp_path / "empty") == set()


def test_update_says_when_there_is_nothing_that_init_wrote(tmp_path: Path, program: str) -> None:
    init(tmp_path, *given())
    done = init(tmp_path, "--update", "--from", program)
    assert done.returncode == 1
    assert "no files of jobs or of a web app here" in done.stderr
    assert "--ci KIND --pages KIND" in done.stderr
    turned = init(tmp_path, "--update", "--pages", "container", "--from", program)
    assert turned.returncode == 0, turned.stderr
    assert (tmp_path / "Dockerfile").exists()


def test_update_can_turn_to_another_kind(made: Path, program: str) -> None:
    done = init(made, "--update", "--pages", "scale-to-zero", "--from", program)
    assert done.returncode == 0, done.stderr
    assert (made / "fly.toml").exists()
    again = init(made, "--update", "--from", program)
    assert "Nothing to renew" in again.stdout
    back = init(made, "--update", "--pages", "vps", "--from", program)
    assert "warning: fly.toml belongs to another kind of jobs or web app: delete it" in back.stderr


def test_an_update_keeps_the_names_of_what_exists_at_the_host(made: Path, program: str) -> None:
    arguments = ("--update", "--pages", "scale-to-zero", "--from", program)
    assert init(made, *arguments).returncode == 0
    fly, settings = made / "fly.toml", made / "newsletter.toml"
    (host,) = re.findall(r'^public_url = "https://(\S+)"', settings.read_text(), re.MULTILINE)
    moved = settings.read_text().replace(host, "elders.example.org")
    settings.write_text(moved, encoding="utf-8")
    assert "Nothing to renew" in init(made, *arguments).stdout
    text = unmark(fly.read_text())
    assert f'app = "{host.replace(".", "-")}"\nprimary_region = "ams"\n' in text
    text = text.replace('"ams"', '"cdg"').replace('"SIGTERM"', '"SIGINT"')
    fly.write_text(mark(text.replace("# [processes]\n# app", "[processes]\napp")), encoding="utf-8")
    done = init(made, *arguments)
    assert done.stdout.startswith("fly.toml (differs)\n"), done.stdout
    renewed = fly.read_text()
    assert f'app = "{host.replace(".", "-")}"\nprimary_region = "cdg"\n' in renewed
    assert 'kill_signal = "SIGTERM"' in renewed
    assert not is_edited(renewed)


def test_a_link_in_place_of_a_file_is_not_written_through(
    made: Path, tmp_path: Path, program: str
) -> None:
    (tmp_path / "outside").write_text("outside")
    (made / "Dockerfile").unlink()
    (made / "Dockerfile").symlink_to(tmp_path / "outside")
    done = init(made, "--update", "--from", program)
    assert done.returncode == 1
    assert "Dockerfile is a link that leads out of" in done.stderr
    assert (tmp_path / "outside").read_text() == "outside"


def test_a_shell_without_the_secrets_is_shown_where_they_are(tmp_path: Path, program: str) -> None:
    assert init(tmp_path, *given(ci="github"), "--from", program).returncode == 0
    (tmp_path / "people.csv").write_text("email,status\nanna@lezers.example,active\n", "utf-8")
    bring = ("subscribers", "import", "people.csv", "--consent", "x")
    reading = "set -a; . ./.newsletter/production.env; set +a"
    first = run_command("db", "upgrade", cwd=tmp_path)
    assert ": the file .newsletter/newsletter.db is at " in first.stdout
    assert "has NEWSLETTER_DATABASE_URL with no value" in first.stderr
    looked = run_command("db", "status", cwd=tmp_path)
    assert "database:    the file .newsletter/newsletter.db\n" in looked.stdout
    assert "has NEWSLETTER_DATABASE_URL with no value" in looked.stderr
    assert reading not in run_command(*bring, cwd=tmp_path).stderr  # it names no database yet
    file = tmp_path / ".newsletter" / "production.env"
    text = file.read_text(encoding="utf-8")
    url = f"sqlite:///{tmp_path}/other.db"
    file.write_text(text.replace("DATABASE_URL=", f"DATABASE_URL={url}"), "utf-8")
    for command in (bring, ("db", "upgrade"), ("rehearse", "eerste-brief")):
        done = run_command(*command, cwd=tmp_path)
        assert "NEWSLETTER_DATABASE_URL is not set here" in done.stderr
    assert "not set here" not in run_command("check", cwd=tmp_path).stderr
    known = run_command(*bring, cwd=tmp_path, env={"NEWSLETTER_DATABASE_URL": url})
    assert "not set here" not in known.stderr
    shown = run_command("status", cwd=tmp_path)
    assert f"newsletter init has made one. In the newsletter's folder, type: {reading}" in (
        shown.stdout
    )


def test_a_port_that_a_host_does_not_serve_is_refused(tmp_path: Path, program: str) -> None:
    url = "https://brief.example:8443"
    options = given(pages="scale-to-zero", public_url=url)
    done = init(tmp_path, *options, "--from", program)
    assert done.returncode == 1
    assert "serves port 443 alone" in done.stderr
    assert files(tmp_path) == set()


@pytest.mark.parametrize("domain", ["gmail.com", "ziggo.nl"])
def test_a_domain_that_is_not_the_authors_own_is_never_offered(tmp_path: Path, domain: str) -> None:
    options = given(sender=f"Marijke <marijke@{domain}>")
    at = options.index("--public-url")
    answers = ["", "https://brief.example", "", ""]
    shown = on_terminal(tmp_path, answers, *options[:at], *options[at + 2 :])
    assert f"brief.{domain}" not in shown
    assert "Address of the web app: " in shown
    found = tomllib.loads((tmp_path / "newsletter.toml").read_text(encoding="utf-8"))
    assert found["public_url"] == "https://brief.example", shown


def test_a_port_of_the_web_app_reaches_the_web_server(tmp_path: Path, program: str) -> None:
    url = "https://brief.example:8443/letters"
    done = init(tmp_path, *given(pages="vps", public_url=url), "--from", program)
    assert done.returncode == 0, done.stderr
    caddy = (tmp_path / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    assert "\nbrief.example:8443 {\n" in caddy


@pytest.mark.parametrize("domain", ["stilwater.example", "brief.stilwater.example"])
def test_the_usual_address_of_the_web_app_follows_from_the_sender(
    tmp_path: Path, domain: str
) -> None:
    options = given(sender=f"Marijke <marijke@{domain}>")
    at = options.index("--public-url")
    shown = on_terminal(tmp_path, ["", "", ""], *options[:at], *options[at + 2 :])
    assert "[https://brief.stilwater.example]" in shown
    found = tomllib.loads((tmp_path / "newsletter.toml").read_text(encoding="utf-8"))
    assert found["public_url"] == "https://brief.stilwater.example"
