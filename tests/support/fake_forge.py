"""A stand-in for the API of GitHub, Forgejo and GitLab: the calls about issues that we make.

It refuses what the real ones refuse: another token, a label that nobody made (GitHub, Forgejo), and
a label's name where Forgejo takes numbers.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "ghs_canary_of_these_tests"
REPOSITORY = "gerrit/brief"


@dataclass
class FakeForge:
    """What the forge knows, and how it misbehaves.

    Attributes:
        kind: `github`, `forgejo` or `gitlab`.
        fault: The status of every answer; 0 hangs, None is well.
        faulty: Only calls whose path ends so have that fault; empty for all.
        headers: Further headers of such an answer.
        body: The body of such an answer.
        calls: Method and path of each call.
    """

    kind: str
    port: int = 0
    fault: int | None = None
    faulty: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    issues: list[dict[str, Any]] = field(default_factory=list)
    labels: list[str] = field(default_factory=lambda: ["bug"])
    calls: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What a job at this forge has in its environment."""
        at = f"http://127.0.0.1:{self.port}"
        if self.kind == "gitlab":
            return {
                "CI_API_V4_URL": f"{at}/api/v4",
                "CI_PROJECT_ID": "17",
                "CI_PROJECT_URL": f"https://gitlab.example.org/{REPOSITORY}",
                "CI_JOB_URL": f"https://gitlab.example.org/{REPOSITORY}/-/jobs/42",
                "GITLAB_TOKEN": TOKEN,
            }
        return {
            "GITHUB_API_URL": f"{at}/api/v1" if self.kind == "forgejo" else at,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SERVER_URL": "https://forge.example.org",
            "GITHUB_RUN_ID": "42",
            "GITHUB_RUN_NUMBER": "42",
            "GITHUB_TOKEN": TOKEN,
        }

    def open_issues(self) -> list[dict[str, Any]]:
        return [one for one in self.issues if one["open"]]

    def answer(self, method: str, path: str, query: dict[str, list[str]], sent: Any) -> Any:  # noqa: ANN401
        """Return the answer to a call, or the status of a refusal."""
        root = {
            "github": f"/repos/{REPOSITORY}",
            "forgejo": f"/api/v1/repos/{REPOSITORY}",
            "gitlab": "/api/v4/projects/17",
        }[self.kind]
        if not path.startswith(root):
            return 404
        rest = path.removeprefix(root)
        if rest == "/labels" and self.kind != "gitlab":
            return self._labels(method, query, sent)
        if rest == "/issues":
            return self._open(sent) if method == "POST" else self._list(query)
        found = re.fullmatch(r"/issues/(\d+)(/comments|/notes)?", rest)
        if not found:
            return 404
        issue = self.issues[int(found[1]) - 7]
        if found[2]:
            assert method == "POST"
            issue["comments"].append(sent["body"])
            return {}
        assert method == ("PUT" if self.kind == "gitlab" else "PATCH")
        issue["body"] = sent["description" if self.kind == "gitlab" else "body"]
        return self._shown(issue)

    def _labels(self, method: str, query: dict[str, list[str]], sent: Any) -> Any:  # noqa: ANN401
        if method == "POST":
            assert re.fullmatch(
                "#[0-9a-f]{6}" if self.kind == "forgejo" else "[0-9a-f]{6}", sent["color"]
            )
            if sent["name"] in self.labels:
                return 422
            self.labels.append(sent["name"])
            return {"id": len(self.labels), "name": sent["name"]}
        if query.get("page") not in (None, ["1"]):
            return []
        return [{"id": n, "name": name} for n, name in enumerate(self.labels, 1)]

    def _list(self, query: dict[str, list[str]]) -> Any:  # noqa: ANN401
        allowed = {
            "github": {"state", "labels", "per_page"},
            "forgejo": {"state", "labels", "limit", "type"},
            "gitlab": {"state", "labels", "per_page"},
        }
        assert set(query) <= allowed[self.kind], "a parameter of another forge has another meaning"
        (label,) = query["labels"]
        if self.kind == "forgejo" and label not in self.labels:
            return [self._shown(one) for one in self.open_issues()]  # as if nothing were asked
        assert query["state"] == ["opened" if self.kind == "gitlab" else "open"]
        return [self._shown(one) for one in self.open_issues() if label in one["labels"]][::-1]

    def _open(self, sent: Any) -> Any:  # noqa: ANN401
        labels = sent["labels"].split(",") if self.kind == "gitlab" else sent["labels"]
        if self.kind == "forgejo":
            labels = [self.labels[number - 1] for number in labels]
        if self.kind == "github" and set(labels) - set(self.labels):
            return 422
        body = sent["description" if self.kind == "gitlab" else "body"]
        issue = {
            "title": sent["title"],
            "body": body,
            "labels": labels,
            "comments": [],
            "open": True,
        }
        self.issues.append({"number": 7 + len(self.issues), **issue})
        return self._shown(self.issues[-1])

    def _shown(self, issue: dict[str, Any]) -> dict[str, Any]:
        number = issue["number"]
        if self.kind == "gitlab":
            page = f"https://gitlab.example.org/{REPOSITORY}/-/issues/{number}"
            return {
                "labels": issue["labels"],
                "iid": number,
                "id": 9000 + number,
                "web_url": page,
                "description": issue["body"],
            }
        page = f"https://forge.example.org/{REPOSITORY}/issues/{number}"
        labels = [{"name": label} for label in issue["labels"]]
        shown = {"number": number, "html_url": page, "body": issue["body"], "labels": labels}
        return {**shown, "pull_request": {} if issue.get("pull") else None}


@contextmanager
def serve_forge(kind: str) -> Iterator[FakeForge]:
    """Run a forge on a free port."""
    forge = FakeForge(kind)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        over: ClassVar = threading.Event()

        def _serve(self) -> None:
            asked = urlsplit(self.path)
            sent = json.loads(
                self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null"
            )
            forge.calls.append(f"{self.command} {asked.path}")
            if forge.fault == 0:
                self.over.wait()
                return
            if forge.fault is not None and asked.path.endswith(forge.faulty):
                self._send(forge.fault, forge.body, forge.headers)
                return
            given = self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or ""
            if given.removeprefix("Bearer ") != TOKEN:
                self._send(401, b'{"message": "Bad credentials"}', {})
                return
            said = forge.answer(self.command, unquote(asked.path), parse_qs(asked.query), sent)
            status, body = (said, {}) if isinstance(said, int) else (200, said)
            self._send(status, json.dumps(body).encode(), {})

        do_GET = do_POST = do_PATCH = do_PUT = _serve  # noqa: N815 - names of http.server

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    forge.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield forge
    finally:
        Handler.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
