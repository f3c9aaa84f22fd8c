"""Asks a provider about an account: one question after another, each answered or not."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from newsletter.providers import responses
from newsletter.providers.http import HttpClient, HttpResponse
from newsletter.providers.pagination import ask_patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from newsletter.providers.http import Failure

DEADLINE: Final = 15.0
"""Seconds for one request."""

_MAY_NOT: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_PAGES: Final = 20
_ARN: Final = re.compile(r"\barn:\S+")  # has the number of an AWS account


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answers to one question.

    Attributes:
        said: The JSON object of the response; empty where there is none.
        why: Why it is no answer, as it may be shown; empty if it is one.
        words: What the provider says of that, as it may be shown.
        status: The status of the response; zero where there is no response.
        headers: Of the response, by name in lower case.
        denied: This key may not ask that.
        missing: What was asked for does not exist.
    """

    said: Mapping[str, Any]
    why: str = ""
    words: str = ""
    status: int = 0
    headers: Mapping[str, str] | None = None
    denied: bool = False
    missing: bool = False

    def items(self, key: str) -> list[dict[str, Any]]:
        """Return a list of objects in it; empty where there is none."""
        return responses.objects(self.said.get(key))


@dataclass(slots=True)
class AccountClient:
    """Asks a provider, and asks nothing more once it cannot be reached or has had enough.

    Attributes:
        provider: What it is called in messages.
        get: Fetches an address or a path.
        hide: What must not be shown of a response.
    """

    provider: str
    get: Callable[[str], HttpResponse | Failure]
    hide: Collection[str]
    _unreachable: Failure | None = None

    def ask(self, where: str) -> Answer:
        """Fetch the JSON object at an address or a path."""
        response = self.fetch(where)
        if isinstance(response, HttpResponse):
            return self._read(response)
        return Answer({}, response.reason)

    def fetch(self, where: str) -> HttpResponse | Failure:
        """Fetch what is at an address or a path, whatever it is."""
        if self._unreachable:
            return self._unreachable
        response = ask_patiently(lambda: self.get(where))
        if not isinstance(response, HttpResponse):
            self._unreachable = response
        elif response.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._unreachable = responses.failure_of(response)
        return response

    def list_all(
        self, where: str, key: str, following: Callable[[Answer], str] = lambda _: ""
    ) -> Answer:
        """Fetch a list, page by page.

        Args:
            where: The address or path of the first page.
            key: The name of the list in a response.
            following: Returns where the next page is; empty at the end.
        """
        found: list[dict[str, Any]] = []
        for _ in range(_PAGES):
            answer = self.ask(where)
            if answer.why:
                return answer
            if not isinstance(answer.said.get(key), list):
                return Answer({}, f"the answer of {self.provider} holds no list")
            found += answer.items(key)
            where = following(answer)
            if not where:
                return Answer({key: found}, status=answer.status, headers=answer.headers)
        return Answer({}, f"{self.provider} lists more than can be looked through")

    def _read(self, response: HttpResponse) -> Answer:
        content = responses.decoded(response)
        said = content if isinstance(content, dict) else {}
        error = said.get("error")
        words = said.get("message") or said.get("Message") or error
        if isinstance(error, dict):
            words = error.get("message")
        shown = responses.quote(_ARN.sub("…", words) if isinstance(words, str) else "", self.hide)
        refusal = responses.failure_of(response, shown)
        if refusal is None and isinstance(content, dict):
            return Answer(said, status=response.status, headers=response.headers)
        page = responses.is_page(response)
        return Answer(
            said=said,
            why=refusal.reason if refusal else f"this is no answer of {self.provider}",
            words=shown,
            status=response.status,
            headers=response.headers,
            denied=response.status in _MAY_NOT and not page,
            missing=response.status == HTTPStatus.NOT_FOUND and isinstance(content, dict),
        )


@contextmanager
def open_account_client(
    provider: str, url: str, headers: Mapping[str, str], *hide: str
) -> Iterator[AccountClient]:
    """Open what asks a provider, and close its connections afterwards.

    Args:
        provider: What it is called in messages.
        url: The base URL of its API; questions are paths below it.
        headers: Of every request.
        hide: What must not be shown of a response.
    """
    with closing(HttpClient(deadline=DEADLINE)) as http:
        yield AccountClient(provider, lambda path: http.get(f"{url}/{path}", headers=headers), hide)
