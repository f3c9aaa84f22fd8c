"""`newsletter preview` in a real browser: it follows the file, and no other page gets at it."""

from __future__ import annotations

import contextlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import PIL.Image
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.test_letter import MODES, Mode, beyond
from tests.support.newsletter import Newsletter
from tests.support.preview import SLUG, TEXT, Preview, previewing, write
from tests.support.providers.fake_resend import FakeResend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Frame, Page, Route

PHONE, DESK = {"width": 375, "height": 740}, {"width": 1440, "height": 900}
LONG = TEXT + "\n".join(
    f"\nAlinea {number}, met een paar rustige woorden.\n" for number in range(60)
)
BROKEN = TEXT.replace("subject: Ruimte voor rust\n", "")
WITH_FINDINGS = TEXT + "\n• Een opsomming\n• die geen lijst is\n\nGroet,\nGerrit\n"
BOX = "one => [one.getBoundingClientRect().width, one.clientWidth]"


@pytest.fixture
def preview(root: Path) -> Iterator[Preview]:
    write(root)
    with previewing(root) as running:
        yield running


def show(page: Page, preview: Preview, size: dict[str, int] | None = None) -> Page:
    page.set_viewport_size(size or DESK)  # type: ignore[arg-type]
    page.goto(preview.url)
    expect(page.locator("#status")).to_contain_text("Read")
    return page


def frame(page: Page, device: str = "phone") -> Frame:
    handle = page.locator(f"#{device} iframe").element_handle()
    found = handle.content_frame()
    assert found
    return found


def inside(page: Page, device: str = "phone") -> Any:  # noqa: ANN401 - playwright's FrameLocator
    return page.frame_locator(f"#{device} iframe").locator("body")


def test_a_save_is_shown_in_both_devices_without_a_reload(
    preview: Preview, root: Path, page: Page
) -> None:
    show(page, preview)
    page.evaluate("window.same = true")
    write(root, TEXT.replace("moeilijkste", "mooiste"))
    for device in ("phone", "desktop"):
        expect(inside(page, device)).to_contain_text("mooiste van de dag")
    expect(page.locator("#status")).to_contain_text("Updated")
    assert page.evaluate("window.same")


def test_a_phone_and_a_desktop_have_their_own_width(preview: Preview, page: Page) -> None:
    show(page, preview)
    widths = {device: frame(page, device).evaluate("innerWidth") for device in ("phone", "desktop")}
    assert widths == {"phone": 375, "desktop": 800}
    show(page, preview, PHONE)
    assert frame(page).evaluate("innerWidth") == 375
    page.get_by_role("button", name="Desktop").click()
    assert frame(page, "desktop").evaluate("innerWidth") == 800
    assert page.locator("#desktop iframe").evaluate(BOX) == [375, 800], "made to fit"
    expect(page.locator("#desktop figcaption")).to_have_text("Desktop 800 px, shown at 47%")


def test_a_save_keeps_the_scroll_position(preview: Preview, root: Path, page: Page) -> None:
    write(root, LONG)
    show(page, preview)
    expect(inside(page)).to_contain_text("Alinea 59")
    frame(page).evaluate("scrollTo(0, 900)")
    frame(page, "desktop").evaluate("scrollTo(0, 700)")
    write(root, LONG.replace("moeilijkste", "mooiste"))
    expect(inside(page)).to_contain_text("mooiste")
    expect(inside(page, "desktop")).to_contain_text("mooiste")
    assert frame(page).evaluate("scrollY") == 900
    assert frame(page, "desktop").evaluate("scrollY") == 700


def test_a_broken_file_keeps_the_letter_and_shows_the_error_above_it(
    preview: Preview, root: Path, page: Page
) -> None:
    show(page, preview)
    write(root, BROKEN)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Error: there is no subject")
    expect(alert).to_contain_text("Below is the last letter without this error.")
    expect(inside(page)).to_contain_text("het moeilijkste van de dag")
    assert page.title().startswith("Error: ")
    write(root, BROKEN + "\n[[nog iets]]\n")
    expect(alert).to_contain_text("2 errors, the first on line 1: there is no subject")
    expect(alert).to_contain_text("Below is the last letter without these errors.")
    write(root, TEXT.replace("moeilijkste", "mooiste"))
    expect(alert).to_be_hidden()
    expect(inside(page)).to_contain_text("mooiste")


def test_a_finding_leads_to_its_line(preview: Preview, root: Path, page: Page) -> None:
    write(root, WITH_FINDINGS)
    show(page, preview)
    page.get_by_role("link", name=re.compile("pasted-bullets")).click()
    line = page.locator("#lines .here")
    expect(line).to_contain_text("• Een opsomming")
    expect(line).to_contain_text("Warning: lines that begin with a pasted bullet are no list")
    expect(line).to_be_focused()


def test_every_subscriber_view_and_inbox_is_there(preview: Preview, page: Page) -> None:
    show(page, preview)
    expect(inside(page)).to_contain_text("Dag Anna,")
    page.get_by_label("Subscriber").select_option("No name")
    expect(inside(page)).not_to_contain_text("Anna")
    page.get_by_label("Subscriber").select_option("A very long name")
    expect(inside(page)).to_contain_text("Dag Wilhelmina-Alexandrina")
    page.get_by_role("button", name="Plain text").click()
    expect(page.locator("#plain")).to_contain_text("Dag Wilhelmina-Alexandrina")
    page.get_by_role("button", name="Source").click()
    expect(page.locator("#headers")).to_contain_text("List-Unsubscribe")
    expect(page.locator("#email")).to_contain_text("Content-Type: multipart/alternative")
    expect(page.locator("#inbox li")).to_have_count(4)
    expect(page.locator("#inbox")).to_contain_text("Wat je lichaam je vertelt")
    expect(page.locator("#size-text")).to_contain_text(
        "of HTML. Gmail hides what is beyond 100 KB."
    )


def test_dark_mode_is_that_of_the_letter_alone(
    preview: Preview, new_context: Callable[..., BrowserContext]
) -> None:
    # Playwright's own colour scheme would hold for every frame.
    page = show(new_context(color_scheme="null").new_page(), preview)
    is_dark = "matchMedia('(prefers-color-scheme: dark)').matches"
    assert not frame(page).evaluate(is_dark)
    page.get_by_role("button", name="Dark mode").click()
    assert frame(page).evaluate(is_dark)
    assert frame(page, "desktop").evaluate(is_dark)
    assert not page.evaluate(is_dark)


def test_nothing_of_another_site_is_loaded_until_the_person_asks(
    preview: Preview, root: Path, page: Page
) -> None:
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body=b"", content_type="image/png")

    page.route(re.compile(f"^(?!{re.escape(preview.url)})"), answer)
    write(root, TEXT + "\n![Een stoel](https://example.org/stoel.png)\n")
    show(page, preview)
    expect(inside(page)).to_contain_text("stilzitten")
    assert asked == []
    with page.expect_response("https://example.org/stoel.png"):
        page.get_by_role("button", name="Load from the web").click()
    assert asked[0] == "https://example.org/stoel.png"
    page.get_by_role("button", name="Images off").click()
    expect(inside(page)).to_contain_text("stilzitten")
    expect(page.locator("#remote")).to_be_hidden()


def test_an_image_file_of_the_author_is_shown(preview: Preview, root: Path, page: Page) -> None:
    PIL.Image.new("RGB", (40, 30), "red").save(root / "issues" / "stoel.png")
    write(root, TEXT + "\n![Een stoel](stoel.png)\n")
    show(page, preview)
    loaded = inside(page).locator("img[alt='Een stoel']")
    expect(loaded).to_have_js_property("naturalWidth", 40)
    expect(page.locator("#remote")).to_be_hidden()
    page.keyboard.press("i")
    expect(loaded).to_have_js_property("naturalWidth", 0)


def test_an_image_that_is_off_is_a_box_as_high_as_its_words(
    preview: Preview, root: Path, page: Page
) -> None:
    PIL.Image.new("RGB", (400, 1600), "red").save(root / "issues" / "toren.png")
    write(root, TEXT + "\n![Een toren](toren.png)\n")
    show(page, preview)
    tower = inside(page).locator("img[alt='Een toren']")
    expect(tower).to_have_js_property("naturalWidth", 400)
    assert tower.evaluate("one => one.offsetHeight") > 400
    page.get_by_role("button", name="Images off").click()
    expect(tower).to_have_js_property("naturalWidth", 0)
    assert 10 < tower.evaluate("one => one.offsetHeight") < 100


def test_a_script_in_a_letter_does_not_run(preview: Preview, root: Path, page: Page) -> None:
    (root / "templates").mkdir()
    (root / "templates" / "style.css.j2").write_text("", encoding="utf-8")
    show(page, preview)
    put = """() => {
        const page = document.querySelector("#phone iframe").contentDocument;
        page.body.innerHTML = "<img src=x onerror='parent.document.title = 1'>";
        const script = page.createElement("script");
        script.textContent = "parent.document.title = 2";
        page.body.append(script);
    }"""
    page.evaluate(put)
    page.wait_for_timeout(100)
    assert "Ruimte voor rust" in page.title()


def test_a_renamed_file_is_followed_and_other_issues_can_be_chosen(
    preview: Preview, root: Path, page: Page
) -> None:
    write(root, TEXT.replace("Ruimte voor rust", "Over stilte"), slug="2026-12-20-stilte")
    show(page, preview)
    page.get_by_label("Issue", exact=True).select_option("2026-12-20-stilte")
    expect(inside(page)).to_contain_text("Over stilte")
    (root / "issues" / "2026-12-20-stilte.md").rename(root / "issues" / "2026-12-27-stil.md")
    expect(page.get_by_label("Issue", exact=True)).to_have_value("2026-12-27-stil")
    write(root, TEXT.replace("Ruimte voor rust", "Heel stil"), slug="2026-12-27-stil")
    expect(inside(page)).to_contain_text("Heel stil")
    assert "issue=2026-12-27-stil" in page.url
    page.reload()
    expect(inside(page)).to_contain_text("Heel stil")


def test_the_keyboard_is_enough(preview: Preview, root: Path, page: Page) -> None:
    write(root, WITH_FINDINGS)
    write(root, TEXT.replace("Ruimte voor rust", "Over stilte"), slug="2026-12-20-stilte")
    page.set_viewport_size(DESK)  # type: ignore[arg-type]
    page.goto(f"{preview.url}?issue={SLUG}")
    expect(page.locator("#findings li")).to_have_count(2)
    press = page.keyboard.press
    press("n")
    expect(page.locator("#lines .here")).to_contain_text("• Een opsomming")
    press("n")
    expect(page.locator("#lines .here")).to_contain_text("Groet,")
    press("1")
    press("d")
    expect(page.locator("#phone")).to_be_hidden()
    press("k")
    expect(page.get_by_role("button", name="Dark mode")).to_have_attribute("aria-pressed", "true")
    frame(page, "desktop").locator("body").click()
    press("s")
    expect(page.get_by_label("Subscriber")).to_have_value("nameless")
    press("[")
    expect(page.get_by_label("Issue", exact=True)).to_have_value("2026-12-20-stilte")
    press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.get_by_label("Single keys work").uncheck()
    press("Escape")
    press("2")
    expect(page.locator("#text")).to_be_hidden()
    press("Tab")
    assert page.evaluate("document.activeElement !== document.body")


@pytest.mark.parametrize("mode", MODES)
def test_axe_finds_nothing_on_phone_or_desk(
    preview: Preview, root: Path, mode: Mode, new_context: Callable[..., BrowserContext]
) -> None:
    write(root, WITH_FINDINGS)
    page = new_context(bypass_csp=True).new_page()
    page.emulate_media(color_scheme=mode)
    options = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    for size in (PHONE, DESK):
        show(page, preview, size)
        for key in ("1", "3", "4", "?"):
            page.keyboard.press(key)
            found = Axe().run(page, options=options).response["violations"]
            said = [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found]
            assert said == [], (size, key)


def test_nothing_overflows_on_a_phone(preview: Preview, root: Path, page: Page) -> None:
    word = "Onvoorstelbaar" * 9
    write(root, WITH_FINDINGS + f"\n[{word}](https://example.org/{word})\n")
    for width in (320, 375, 800, 1100):
        show(page, preview, {"width": width, "height": 800})
        for key in ("1", "2", "3", "4"):
            page.keyboard.press(key)
            wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide[0] <= wide[1], (width, key, beyond(page))


def test_a_proof_goes_through_the_outbox(preview: Preview, root: Path, page: Page) -> None:
    show(page, preview)
    page.get_by_label("Send one real copy to").fill("gerrit@example.org")
    page.get_by_role("button", name="Send a proof").click()
    result = page.locator("#proof-result")
    expect(result).to_contain_text("does not count as a proof")
    expect(result).not_to_contain_text("warning")
    headers = dict(preview.view()["letter"]["headers"])
    expect(result).to_contain_text(f"The letter's hash is {headers['Newsletter-Letter-Hash']}.")
    assert len([*(root / ".newsletter" / "outbox" / "_proofs").glob("*.eml")]) == 1


def test_a_proof_goes_through_a_provider_and_a_wrong_address_does_not(
    root: Path, tmp_path: Path, page: Page
) -> None:
    newsletter = Newsletter(root, subscribers=1)
    with FakeResend(tmp_path / "taken") as fake:
        env = newsletter.for_real(fake.url)
        write(root, WITH_FINDINGS, newsletter.slug)
        with previewing(root, newsletter.slug, env=env) as preview:
            show(page, preview)
            page.get_by_label("Send one real copy to").fill("geen adres")
            page.get_by_role("button", name="Send a proof").click()
            expect(page.locator("#proof-result")).to_contain_text(
                "give the address alone", ignore_case=True
            )
            page.get_by_label("Send one real copy to").fill("gerrit@example.org")
            page.get_by_role("button", name="Send a proof").click()
            expect(page.locator("#proof-result")).to_contain_text("accepted by resend")
            found = [one["severity"] for one in preview.view(newsletter.slug)["findings"]]
            warnings = f"It has {found.count('warning')} warnings: look under Findings."
            expect(page.locator("#proof-result")).to_contain_text(warnings)
        assert [one["to"] for one in fake.taken()] == ["gerrit@example.org"]
    assert newsletter.sql("SELECT slug, provider FROM proofs") == [(newsletter.slug, "resend")]


def test_a_fix_is_shown_before_it_is_written(preview: Preview, root: Path, page: Page) -> None:
    path = write(root, WITH_FINDINGS)
    show(page, preview)
    repaired = page.locator("#findings li", has_text="pasted-bullets")
    expect(repaired.locator("b + code + span")).to_have_text(re.compile("^Lines that begin"))
    repaired.get_by_role("button", name="Fix this").click()
    dialog = page.get_by_role("dialog", name="What changes in your file")
    expect(dialog.locator(".removed")).to_contain_text(["• Een opsomming"])
    expect(dialog.locator(".added")).to_contain_text(["- Een opsomming"])
    assert "• Een opsomming" in path.read_text(encoding="utf-8")
    dialog.get_by_role("button", name="Write it").click()
    expect(dialog).to_be_hidden()
    expect(inside(page).locator("li")).to_contain_text(["Een opsomming"])
    assert "- Een opsomming" in path.read_text(encoding="utf-8")
    expect(page.locator("#fix")).to_be_hidden()


def test_a_fix_of_a_file_that_changed_meanwhile_is_refused(
    preview: Preview, root: Path, page: Page
) -> None:
    write(root, WITH_FINDINGS)
    show(page, preview)
    page.keyboard.press("f")
    expect(page.locator("#difference .added").first).to_be_visible()
    changed = WITH_FINDINGS.replace("moeilijkste", "mooiste")
    path = write(root, changed)
    page.get_by_role("button", name="Write it").click()
    expect(page.locator("#fixing-result")).to_contain_text("the file changed meanwhile")
    assert path.read_text(encoding="utf-8") == changed


@contextlib.contextmanager
def foreign_site() -> Iterator[str]:
    """Serve an empty page from another origin of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Elders</title><body></body>")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


FOREIGN_FORM = """url => {
    const form = document.createElement("form");
    form.method = "post";
    form.enctype = "text/plain";
    form.action = url;
    const field = document.createElement("input");
    field.name = '{"issue": "SLUG", "to": "kwaad@example.org", "x": "';
    field.value = '"}';
    form.append(field);
    document.body.append(form);
    form.submit();
}""".replace("SLUG", SLUG)
FOREIGN_FETCH = """async ([url, token, mode]) => {
    try {
        const answer = await fetch(url, {method: "POST", mode, headers: token ?
            {"X-Preview-Token": token} : {}, body: '{"issue": "SLUG", "to": "kwaad@example.org"}'});
        return [answer.type, answer.status];
    } catch (error) { return [error.name, 0]; }
}""".replace("SLUG", SLUG)
FOREIGN_READ = """async url => {
    try { return await (await fetch(url)).text(); } catch (error) { return error.name; }
}"""


def test_a_foreign_page_that_posts_or_reads_gets_nothing(
    preview: Preview, root: Path, page: Page
) -> None:
    token = preview.post_headers()["X-Preview-Token"]
    statuses: list[tuple[str, int]] = []
    page.on("response", lambda one: statuses.append((one.request.method, one.status)))
    with foreign_site() as elsewhere:
        page.goto(elsewhere)
        proof = f"{preview.url}proof"
        assert page.evaluate(FOREIGN_FETCH, [proof, token, "cors"]) == ["TypeError", 0]
        assert page.evaluate(FOREIGN_FETCH, [proof, "", "no-cors"]) == ["TypeError", 0]
        assert page.evaluate(FOREIGN_READ, f"{preview.url}view?issue={SLUG}") == "TypeError"
        page.evaluate(FOREIGN_FORM, proof)
        page.wait_for_url(proof)
        assert "Refused: a page of another site asked." in page.content()
    assert ("POST", 403) in statuses
    assert {status for _, status in statuses} <= {200, 403}
    assert not (root / ".newsletter").exists(), "nothing was mailed, and no database made"


def test_a_page_whose_preview_has_stopped_says_so(preview: Preview, page: Page) -> None:
    show(page, preview)
    assert preview.stop() == 0
    expect(page.locator("#status")).to_contain_text("The preview has stopped.")
