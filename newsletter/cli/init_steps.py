"""The last that `newsletter init` prints: every command from here to the first letter."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

from newsletter.cli.init_text import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.repository.plan import RepositoryPlan

# curl reads the token and each secret: the list of processes shows arguments.
_REQUEST: Final = (
    """request() { { printf 'header = "Authorization: token %s"\\n' "$FORGEJO_TOKEN"; """
    r"""sed 's/[\"]/\\&/g; s/.*/data = "&"/'; } | """
    """curl -fsS -H "Content-Type: application/json" --config - "$@"; }"""
)
_STORE: Final = (
    rf"""store() {{ sed -n "s/^$1=//p" {FILE} | tr -d '\r\n' | """
    r"""sed 's/[\"]/\\&/g; s/.*/{"data":"&"}/' | request -X PUT "$REPOSITORY/secrets/$1"; }"""
)
_SWITCH: Final = (
    """printf '{"value":"true"}' | request -X POST "$REPOSITORY/variables/NEWSLETTER_SEND\""""
)

_TO_MASK: Final = re.compile("KEY|TOKEN|SECRET|DATABASE_URL")
"""The variables that GitLab must not show; it refuses to mask a value of fewer than 8 characters,
such as a region."""

_SWITCHES: Final = {
    "github": "gh variable set NEWSLETTER_SEND --body true",
    "forgejo": _SWITCH,
    "gitlab": "# make the pipeline schedules that .gitlab-ci.yml names",
    "systemd": "systemctl enable --now newsletter-send.timer   # on the server, as root",
}
"""What lets the scheduled job send; before that it does nothing."""

_WEB_APP: Final = {
    "vps": "A server: systemd and Caddy",
    "container": "A container",
    "scale-to-zero": "A host that stops it when no one uses it",
}
"""The part of docs/pages.md about each kind of web app."""


def first_steps(folder: Path, plan: RepositoryPlan, draft: str) -> Iterator[str]:
    """Yield the commands from here to the first letter.

    Args:
        folder: The new repository.
        plan: What was written.
        draft: The name of the first draft; `ISSUE` where none was written.
    """
    page = "docs/deploy.md" if _is_on_server(plan) else "docs/start.md"
    yield f"\nNext, in this order; {page} of the program explains each step:"
    if folder.resolve() != folder.cwd():
        yield f"  cd {shlex.quote(str(folder))}"
    yield f"  newsletter render {draft} --open"
    yield "  git add ."
    yield '  git commit -m "Begin the newsletter"'
    steps = _on_server(plan, draft) if _is_on_server(plan) else _on_this_computer(plan, draft)
    yield from (f"  {line}" for line in steps)
    if switch := _SWITCHES.get(plan.ci):
        yield "When the proof looked right, let the schedule send:"
        yield f"  {switch}"


def _is_on_server(plan: RepositoryPlan) -> bool:
    """Return whether the list is in a file on a server, so that commands about it run there."""
    is_server = plan.ci == "systemd" or plan.pages == "vps"
    return is_server and "NEWSLETTER_DATABASE_URL" not in plan.send_variables


def _on_this_computer(plan: RepositoryPlan, draft: str) -> Iterator[str]:
    yield f"# {_fill_in(plan)}in each new shell:"
    yield f"set -a; . ./{FILE}; set +a"
    if "NEWSLETTER_DATABASE_URL" in plan.send_variables:
        yield "newsletter db upgrade"
    yield 'newsletter subscribers import FILE --consent "What they agreed to"'
    yield f"newsletter rehearse {draft} --open"
    yield "newsletter status"
    if plan.provider != "outbox":
        yield "# write its line ledger into newsletter.toml: this database is the one that may send"
        yield 'git commit -am "Name the database that may send"'
    if plan.pages == "vps":  # the web app is in a clone of what is pushed
        yield from _store_lines(plan)
    if plan.pages != "none":
        yield f'# start the web app: docs/pages.md, "{_WEB_APP[plan.pages]}"'
    if plan.provider != "outbox":
        yield f"newsletter proof {draft} --to YOU@EXAMPLE.ORG"
    if plan.pages != "vps":
        yield from _store_lines(plan)


def _on_server(plan: RepositoryPlan, draft: str) -> Iterator[str]:
    yield "# push it to a private repository; the list and its database are on the server only"
    yield from _server_lines(plan)
    yield '# the command newsletter of the server: docs/deploy.md, "One small server"'
    yield 'newsletter subscribers import /var/lib/newsletter/FILE --consent "What they agreed to"'
    if plan.provider == "outbox":
        yield f"newsletter rehearse {draft}"
        yield "newsletter status"
        return
    yield f"newsletter proof {draft} --to YOU@EXAMPLE.ORG"
    yield "newsletter status   # note the line ledger"
    yield "# on this computer again: write that line into newsletter.toml, and"
    yield 'git commit -am "Name the database that may send"'
    yield "git push"
    yield "# on the server"
    yield "runuser -u newsletter -- git -C /srv/newsletter pull --ff-only"
    if plan.pages == "vps":
        yield "systemctl restart newsletter-web.service   # it reads that line when it starts"


def _fill_in(plan: RepositoryPlan) -> str:
    return f"fill in the empty lines of {FILE}; then, " if len(plan.send_variables) > 1 else ""


def _server_lines(plan: RepositoryPlan) -> Iterator[str]:
    """Yield how the program and the secrets come to a server; a checkout is there first."""
    host = plan.public_host if plan.pages == "vps" else "SERVER"
    yield f'# install the program on the server, as root: docs/pages.md, "{_WEB_APP["vps"]}"'
    yield f"# {_fill_in(plan)}from this computer:"
    yield f"scp {FILE} root@{host}:/etc/newsletter.env"
    yield "# on the server, as root"
    yield "chmod 600 /etc/newsletter.env"
    yield "cd /srv/newsletter"
    if plan.ci == "systemd":
        yield "cp deploy/newsletter-send.service deploy/newsletter-send.timer /etc/systemd/system/"
    if plan.pages == "vps":
        yield "cp deploy/newsletter-web.service /etc/systemd/system/"
        yield "cp deploy/Caddyfile /etc/caddy/Caddyfile"
    yield "systemctl daemon-reload"
    if plan.pages == "vps":
        yield "systemctl enable --now newsletter-web.service"
        yield "systemctl restart caddy"


def _store_lines(plan: RepositoryPlan) -> Iterator[str]:
    """Yield how a forge, or the server of the timer, gets the repository and the secrets."""
    if plan.ci == "github":
        yield from _github_lines()
    elif plan.ci == "gitlab":
        yield from _gitlab_lines(plan)
    elif plan.ci == "forgejo":
        yield from _forgejo_lines(plan)
    elif plan.ci == "systemd":
        yield "# push it to a private repository, which the server clones"
        yield from _server_lines(plan)


def _github_lines() -> Iterator[str]:
    environment = "'repos/{owner}/{repo}/environments/newsletter"
    policy = "deployment_branch_policy"
    yield "gh repo create --private --source . --push"
    yield "# on GitHub's free plan: leave out both lines with gh api, and --env newsletter"
    yield (
        f"gh api --silent --method PUT {environment}' "
        f"-F '{policy}[protected_branches]=false' -F '{policy}[custom_branch_policies]=true'"
    )
    yield (
        f"gh api --silent --method POST {environment}/deployment-branch-policies' "
        "-F 'name={branch}'"
    )
    yield f"gh secret set --env newsletter --env-file {FILE}"


def _gitlab_lines(plan: RepositoryPlan) -> Iterator[str]:
    yield "glab repo create --private"
    yield "git push -u origin HEAD"
    for name in plan.send_variables:
        yield _gitlab_line(name)
    for name in plan.optional_variables:
        yield f"# if you use it: {_gitlab_line(name)}"
    yield "# a token that opens the issue that asks you; it ends after a year"
    yield (
        "glab token create newsletter --access-level reporter --scope api --duration 8760h | "
        f"tr -d '\\r\\n' | {_gitlab_set('GITLAB_TOKEN')}"
    )


def _gitlab_line(name: str) -> str:
    return f"sed -n 's/^{name}=//p' {FILE} | tr -d '\\r\\n' | {_gitlab_set(name)}"


def _gitlab_set(name: str) -> str:
    # GitLab masks a value with a ? or a %, as in the address of a database, only if it is raw.
    masked = "--masked " if _TO_MASK.search(name) else ""
    return f"glab variable set {name} {masked}--raw --protected --scope newsletter"


def _forgejo_lines(plan: RepositoryPlan) -> Iterator[str]:
    yield "# make a private repository there, and push; then type its address and a token of yours,"
    yield "# which may write repositories (Settings, Applications)"
    yield "REPOSITORY=https://FORGE/api/v1/repos/OWNER/REPO/actions"
    yield "read -rs FORGEJO_TOKEN"
    yield _REQUEST
    yield _STORE
    for name in plan.send_variables:
        yield f"store {name}"
    for name in plan.optional_variables:
        yield f"# if you use it: store {name}"
