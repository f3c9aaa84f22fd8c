"""The routes of the preview: the page, its parts, and what its buttons do."""

from __future__ import annotations

import asyncio
import json
from importlib import resources
from typing import TYPE_CHECKING, Final

import jinja2
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from newsletter.desk import fixing
from newsletter.desk.preview.guard import Access, Guard
from newsletter.desk.preview.view import view_document
from newsletter.errors import NewsletterError
from newsletter.pictures import copy_picture, media_type

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from newsletter.desk.preview.session import PreviewSession

_PAGE: Final = "page.html.j2"
_PARTS: Final = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "frames.js": "text/javascript",
    "panes.js": "text/javascript",
    "dialogs.js": "text/javascript",
}
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "frame-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FRAME_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src {images}; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)
_IMAGES: Final = {"local": "'self' data:", "remote": "'self' data: https: http:", "off": "'none'"}
_FRAME: Final = "<!doctype html><html lang=en><title>Letter</title><body></body></html>"
_CONFLICT: Final = 409


class Changes:
    """Wakes the pages that wait for a change."""

    def __init__(self) -> None:
        self._condition = asyncio.Condition()
        self.is_over = False

    async def announce(self, *, is_over: bool = False) -> None:
        """Wake every page; for the last time, if it is over."""
        async with self._condition:
            self.is_over = self.is_over or is_over
            self._condition.notify_all()

    async def wait(self, is_new: Callable[[], bool]) -> None:
        """Wait until there is something new, or it is over."""
        async with self._condition:
            await self._condition.wait_for(lambda: self.is_over or is_new())


class Pages:
    """Answers the requests of the page.

    Args:
        session: Knows the issues.
        access: What a request must know.
        changes: Says when there is something new.
    """

    def __init__(self, session: PreviewSession, access: Access, changes: Changes) -> None:
        self._session = session
        self._access = access
        self._changes = changes
        folder = resources.files("newsletter.desk.preview")
        self._parts = {name: (folder / name).read_bytes() for name in _PARTS}
        environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
        self._page = environment.from_string((folder / _PAGE).read_text(encoding="utf-8"))

    def app(self) -> ASGIApp:
        """Return the application."""
        at = f"/{self._access.read}"
        routes = [
            Route(f"{at}/", self.page),
            Route(f"{at}/view", self.view),
            Route(f"{at}/events", self.events),
            Route(f"{at}/frame", self.frame),
            Route(f"{at}/media/{{name}}", self.media),
            Route(f"{at}/fix", self.difference),
            Route(f"{at}/fix", self.fix, methods=["POST"]),
            Route(f"{at}/proof", self.proof, methods=["POST"]),
            Route(f"{at}/{{name}}", self.part),
        ]
        return Guard(Starlette(routes=routes), self._access)

    def page(self, _request: Request) -> Response:
        """Return the page itself, which holds nothing of a letter."""
        text = self._page.render(
            name=self._session.settings.name,
            first=self._session.first(),
            post_token=self._access.post,
        )
        return HTMLResponse(text, headers={"content-security-policy": _PAGE_POLICY})

    def part(self, request: Request) -> Response:
        """Return a script or the style sheet."""
        name = request.path_params["name"]
        if name not in self._parts:
            return Response("There is no such page.\n", 404, media_type="text/plain")
        return Response(self._parts[name], media_type=_PARTS[name])

    def frame(self, request: Request) -> Response:
        """Return the empty document that the page puts a letter into; nothing in it can run."""
        images = _IMAGES.get(request.query_params.get("images", ""), _IMAGES["local"])
        policy = _FRAME_POLICY.format(images=images)
        return HTMLResponse(_FRAME, headers={"content-security-policy": policy})

    def media(self, request: Request) -> Response:
        """Return the copy of an image file, as subscribers will get it."""
        picture = self._session.picture(request.path_params["name"])
        try:
            data = copy_picture(picture) if picture else b""
        except NewsletterError:
            data = b""  # the findings say why
        if picture is None or not data:
            return Response("There is no such image.\n", 404, media_type="text/plain")
        return Response(data, media_type=media_type(picture.name))

    def view(self, request: Request) -> Response:
        """Return an issue as a subscriber gets it, and all that is known about it."""
        asked = request.query_params
        sight = self._session.sight(asked.get("issue", ""))
        return JSONResponse(view_document(sight, asked.get("subscriber", "")))

    async def events(self, request: Request) -> Response:
        """Return a stream with the number of the newest version, whenever there is a new one."""
        slug = request.query_params.get("issue", "")
        return StreamingResponse(
            self._versions(slug),
            media_type="text/event-stream",
            headers={"x-accel-buffering": "no"},
        )

    async def _versions(self, slug: str) -> AsyncIterator[str]:
        with self._session.showing(slug):
            yield "retry: 1000\n\n"
            sent = 0
            while not self._changes.is_over:
                sent = self._session.version
                yield f"data: {sent}\n\n"
                await self._changes.wait(lambda: self._session.version != sent)  # noqa: B023 - awaited at once

    def difference(self, request: Request) -> Response:
        """Return what a fix would change in a file."""
        try:
            path = self._path_of(request.query_params.get("issue", ""))
            fix = fixing.plan_fix(self._session.settings, path)
        except NewsletterError as error:
            return _failure(error)
        if fix is None:
            return _failure(NewsletterError("there is nothing to fix"))
        return JSONResponse({"difference": fix.difference, "hash": fix.hash})

    async def fix(self, request: Request) -> Response:
        """Write what the page showed, unless the file changed since."""
        return await asyncio.to_thread(self._fix, await _json(request))

    def _fix(self, asked: dict[str, str]) -> Response:
        try:
            slug = self._session.write_fix(asked.get("issue", ""), asked.get("hash", ""))
        except NewsletterError as error:
            return _failure(error)
        return JSONResponse({"done": "It is written.", "issue": slug})

    def _path_of(self, slug: str) -> Path:
        path = self._session.path_of(slug)
        if path is None:
            raise NewsletterError("there is no such issue", hint="Choose another one")
        return path

    async def proof(self, request: Request) -> Response:
        """Send one real copy of an issue to an address."""
        asked = await _json(request)
        return await asyncio.to_thread(self._proof, asked)

    def _proof(self, asked: dict[str, str]) -> Response:
        from newsletter.desk.preview.proofing import send_proof  # noqa: PLC0415 - SQLAlchemy is slow

        try:
            path = self._path_of(asked.get("issue", ""))
            done = send_proof(self._session.settings, path, asked.get("to", ""))
        except NewsletterError as error:
            return _failure(error)
        return JSONResponse({"done": done})


async def _json(request: Request) -> dict[str, str]:
    """Return the texts that a page posted; those it did not are missing."""
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError):
        return {}
    texts = found.items() if isinstance(found, dict) else ()
    return {name: value for name, value in texts if isinstance(value, str)}


def _failure(error: NewsletterError) -> Response:
    return JSONResponse({"sentence": error.sentence, "hint": error.hint}, _CONFLICT)
