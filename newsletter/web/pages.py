"""The pages that readers see, rendered once: none of them holds anything of a reader."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from newsletter import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.config import Settings

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """A page's bytes, and the Content-Security-Policy that allows its own style and nothing else.

    See https://www.w3.org/TR/CSP3/.
    """

    body: bytes
    policy: str

    def answer(self, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """Return the page as an answer that nobody keeps: whose link it was is his business."""
        own = {"Content-Security-Policy": self.policy, "Cache-Control": "no-store"}
        return Response(self.body, status, {**own, **(headers or {})}, "text/html")


@dataclass(frozen=True, slots=True)
class Pages:
    """Every page, by what it is for; the templates in `templates/pages/` say more of each."""

    leave: Page
    leave_proof: Page
    left: Page
    proof: Page
    not_left: Page
    missing: Page
    trouble: Page
    refused: Page


def render_pages(settings: Settings) -> Pages:
    """Render all pages.

    Raises:
        NewsletterError: A template is missing or wrong.
    """
    return Pages(
        leave=_page(settings, "leave", proof=False),
        leave_proof=_page(settings, "leave", proof=True),
        left=_page(settings, "left"),
        proof=_page(settings, "proof"),
        not_left=_page(settings, "not-left"),
        missing=_page(settings, "missing"),
        trouble=_page(settings, "trouble"),
        refused=_page(settings, "refused"),
    )


def _page(settings: Settings, name: str, **values: object) -> Page:
    html = render.page(settings, name, **values)
    digests = (hashlib.sha256(style.encode()).digest() for style in _STYLE.findall(html))
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    policy = (
        f"default-src 'none'; style-src {allowed}; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    )
    return Page(html.encode(), policy)
