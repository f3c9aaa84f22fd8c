"""Which requests the preview refuses: of other sites, other names, other users, other pages."""

from __future__ import annotations

import pytest

from newsletter.desk.preview.guard import Access

ACCESS = Access(8025)
HOST = {"host": "127.0.0.1:8025"}
PATH = f"/{ACCESS.read}/view"
POST = {
    **HOST,
    "origin": "http://127.0.0.1:8025",
    "sec-fetch-site": "same-origin",
    "x-preview-token": ACCESS.post,
    "content-length": "20",
}


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name}


def test_the_page_may_read_and_post() -> None:
    assert ACCESS.refusal("GET", PATH, HOST) == ""
    assert ACCESS.refusal("HEAD", PATH, {"host": "localhost:8025"}) == ""
    assert ACCESS.refusal("POST", PATH, POST) == ""


def test_a_typed_address_and_a_link_elsewhere_open_the_page() -> None:
    typed = {**HOST, "sec-fetch-site": "none", "sec-fetch-dest": "document"}
    linked = {**HOST, "sec-fetch-site": "cross-site", "sec-fetch-dest": "document"}
    assert ACCESS.refusal("GET", PATH, typed) == ""
    assert ACCESS.refusal("GET", PATH, linked) == ""
    assert ACCESS.refusal("POST", PATH, {**POST, **linked}) != ""


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:8025.evil.example"]
)
def test_a_name_of_another_site_that_leads_here_is_refused(host: str) -> None:
    assert "not the address" in ACCESS.refusal("GET", PATH, {"host": host})


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "http://127.0.0.1:8026"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_another_origin_is_refused(method: str, origin: str) -> None:
    assert "another site" in ACCESS.refusal(method, PATH, {**POST, "origin": origin})


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_the_browser_says_comes_from_another_site_is_refused(site: str) -> None:
    for name in ("script", "iframe", "image", "empty"):
        sent = {**HOST, "sec-fetch-site": site, "sec-fetch-dest": name}
        assert "another site" in ACCESS.refusal("GET", PATH, sent)


@pytest.mark.parametrize("path", ["/", "/view", f"/{'a' * 32}/view", "//{read}/view", "/é/"])
def test_without_the_token_of_the_address_nothing_is_read(path: str) -> None:
    assert "another preview" in ACCESS.refusal("GET", path.format(read=ACCESS.read), HOST)


def test_a_post_needs_its_own_token_and_an_origin() -> None:
    assert "another preview" in ACCESS.refusal("POST", PATH, without(POST, "x-preview-token"))
    wrong = {**POST, "x-preview-token": ACCESS.read}
    assert "another preview" in ACCESS.refusal("POST", PATH, wrong)
    assert "which page" in ACCESS.refusal("POST", PATH, without(POST, "origin"))


@pytest.mark.parametrize("length", ["", "10001", "-1", "²", "1e3"])
def test_a_post_without_a_length_or_with_too_much_is_refused(length: str) -> None:
    assert "too much" in ACCESS.refusal("POST", PATH, {**POST, "content-length": length})


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_no_other_method_is_answered(method: str) -> None:
    assert ACCESS.refusal(method, PATH, POST) != ""


def test_no_token_is_shown_by_accident() -> None:
    assert ACCESS.read not in repr(ACCESS)
    assert ACCESS.post not in repr(ACCESS)
