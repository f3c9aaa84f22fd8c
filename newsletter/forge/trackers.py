"""Issues at GitHub, Forgejo and GitLab: find the open one with a label, open it, renew it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol
from urllib.parse import quote

from newsletter.errors import NewsletterError
from newsletter.forge.api import ForgeApi

if TYPE_CHECKING:
    from collections.abc import Mapping

_LABEL: Final = "newsletter-waits"
_COLOR: Final = "d93f0b"
_MEANING: Final = "The newsletter waits for a person to decide"
_PAGES: Final = 20  # of labels
_FORGEJO: Final = "/api/v1"  # ends the URL of its API; GitHub's own have none, or /api/v3
_RIGHTS: Final = "Give the job the right to write issues (permissions: issues: write)"


@dataclass(frozen=True, slots=True)
class OpenIssue:
    """An issue on the forge.

    Attributes:
        number: Its number in the repository.
        url: Its page.
        body: Its text.
    """

    number: int
    url: str
    body: str


@dataclass(frozen=True, slots=True)
class ForgePages:
    """Pages of the forge that an issue links to.

    Attributes:
        run: The run that looked last.
        act: Where a person starts the workflow that acts for them.
    """

    run: str
    act: str


class IssueTracker(Protocol):
    """The issues of one repository."""

    pages: ForgePages

    def find(self) -> OpenIssue | None:
        """Return the open issue with our label; the oldest if there are several."""

    def open(self, title: str, body: str) -> OpenIssue:
        """Open an issue with our label."""

    def renew(self, issue: OpenIssue, body: str) -> None:
        """Give an issue another text."""

    def comment(self, issue: OpenIssue, text: str) -> None:
        """Add a comment to an issue."""

    def close(self) -> None:
        """Close the connections."""


class GitHubIssues:
    """Issues at GitHub."""

    _all: ClassVar = "per_page=100"
    """Asks for issues alone, and for as many as a page takes."""

    def __init__(self, api: ForgeApi, repository: str, pages: ForgePages) -> None:
        self._api = api
        self._path = f"repos/{quote(repository)}"
        self.pages = pages

    def find(self) -> OpenIssue | None:
        """Return the open issue with our label; the oldest if there are several."""
        found = self._api.get(f"{self._path}/issues?state=open&labels={_LABEL}&{self._all}")
        issues = [
            _as_issue(one)
            for one in found
            # A forge that knows no such label may answer with all issues, pull requests included.
            if not one.get("pull_request") and _LABEL in [label["name"] for label in one["labels"]]
        ]
        return min(issues, key=lambda one: one.number, default=None)

    def open(self, title: str, body: str) -> OpenIssue:
        """Open an issue with our label."""
        document = {"title": title, "body": body, "labels": [self._label()]}
        return _as_issue(self._api.call("POST", f"{self._path}/issues", document))

    def renew(self, issue: OpenIssue, body: str) -> None:
        """Give an issue another text."""
        self._api.call("PATCH", f"{self._path}/issues/{issue.number}", {"body": body})

    def comment(self, issue: OpenIssue, text: str) -> None:
        """Add a comment to an issue."""
        self._api.call("POST", f"{self._path}/issues/{issue.number}/comments", {"body": text})

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _label(self) -> str | int:
        """Return our label as a new issue names it; it is made if there is none."""
        if not self._find_label():
            self._make_label(_COLOR)
        return _LABEL

    def _find_label(self) -> Any:  # noqa: ANN401 - any JSON
        for page in range(1, _PAGES + 1):
            known = self._api.get(f"{self._path}/labels?{self._all}&page={page}")
            for one in known:
                if one["name"] == _LABEL:
                    return one
            if not known:
                break
        return None

    def _make_label(self, color: str) -> Any:  # noqa: ANN401 - any JSON
        document = {"name": _LABEL, "color": color, "description": _MEANING}
        return self._api.call("POST", f"{self._path}/labels", document)


class ForgejoIssues(GitHubIssues):
    """Issues at Forgejo, whose API is GitHub's, but for labels: an issue names their numbers."""

    _all: ClassVar = "limit=50&type=issues"

    def _label(self) -> str | int:
        return int((self._find_label() or self._make_label(f"#{_COLOR}"))["id"])


class GitLabIssues:
    """Issues at GitLab."""

    def __init__(self, api: ForgeApi, project: str, pages: ForgePages) -> None:
        self._api = api
        self._path = f"projects/{quote(project, safe='')}/issues"
        self.pages = pages

    def find(self) -> OpenIssue | None:
        """Return the open issue with our label; the oldest if there are several."""
        found = self._api.get(f"{self._path}?state=opened&labels={_LABEL}&per_page=100")
        issues = [_as_gitlab_issue(one) for one in found if _LABEL in one["labels"]]
        return min(issues, key=lambda one: one.number, default=None)

    def open(self, title: str, body: str) -> OpenIssue:
        """Open an issue with our label, which GitLab makes if there is none."""
        document = {"title": title, "description": body, "labels": _LABEL}
        return _as_gitlab_issue(self._api.call("POST", self._path, document))

    def renew(self, issue: OpenIssue, body: str) -> None:
        """Give an issue another text."""
        self._api.call("PUT", f"{self._path}/{issue.number}", {"description": body})

    def comment(self, issue: OpenIssue, text: str) -> None:
        """Add a comment to an issue."""
        self._api.call("POST", f"{self._path}/{issue.number}/notes", {"body": text})

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


def open_tracker(environment: Mapping[str, str]) -> IssueTracker:
    """Return the issues of the repository whose job this is.

    Raises:
        NewsletterError: This is no job of a forge, or it has no token.
    """
    if "CI_API_V4_URL" in environment:
        return _open_gitlab(environment)
    api_url, repository = (
        environment.get(name, "") for name in ("GITHUB_API_URL", "GITHUB_REPOSITORY")
    )
    if not (api_url and repository):
        raise NewsletterError(
            "this is no job of GitHub, Forgejo or GitLab, so there is no place for an issue",
            hint="Read the summary, or run: newsletter status",
        )
    forgejo = api_url.rstrip("/").endswith(_FORGEJO)
    headers = {"Authorization": f"Bearer {_token(environment, 'GITHUB_TOKEN')}"}
    if not forgejo:
        headers |= {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    home = f"{environment.get('GITHUB_SERVER_URL', '')}/{repository}/actions"
    number = environment.get("GITHUB_RUN_NUMBER" if forgejo else "GITHUB_RUN_ID", "")
    act = f"{home}?workflow=act.yml" if forgejo else f"{home}/workflows/act.yml"
    pages = ForgePages(f"{home}/runs/{number}", act)
    api = ForgeApi(api_url, headers, rights=_RIGHTS)
    return (ForgejoIssues if forgejo else GitHubIssues)(api, repository, pages)


def _open_gitlab(environment: Mapping[str, str]) -> GitLabIssues:
    headers = {"PRIVATE-TOKEN": _token(environment, "GITLAB_TOKEN")}
    pages = ForgePages(
        environment.get("CI_JOB_URL", ""),
        f"{environment.get('CI_PROJECT_URL', '')}/-/pipelines/new",
    )
    rights = "GITLAB_TOKEN is an access token of the project: scope api, role Reporter or higher"
    api = ForgeApi(environment["CI_API_V4_URL"], headers, rights=rights)
    return GitLabIssues(api, environment.get("CI_PROJECT_ID", ""), pages)


def _token(environment: Mapping[str, str], name: str) -> str:
    token = environment.get(name, "")
    if not token.strip():
        raise NewsletterError(
            f"{name} is not set, so the issue cannot be opened",
            hint=f"Give the step {name}, a token that may write issues",
        )
    return token.strip()


def _as_issue(found: Mapping[str, Any]) -> OpenIssue:
    return OpenIssue(int(found["number"]), str(found["html_url"]), str(found.get("body") or ""))


def _as_gitlab_issue(found: Mapping[str, Any]) -> OpenIssue:
    return OpenIssue(int(found["iid"]), str(found["web_url"]), str(found.get("description") or ""))
