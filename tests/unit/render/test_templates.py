from __future__ import annotations

import re
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newsletter.errors import NewsletterError
from newsletter.package_data import template_folders
from newsletter.render import Newsletter, letter, letters, templates, values, wording
from newsletter.render.palette import Scheme
from tests.support.issues import REPOSITORY, SETTINGS, every_block, issue

if TYPE_CHECKING:
    from newsletter.model import Block


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    (root / "templates" / name).write_text(text, encoding="utf-8")


def test_an_authors_own_file_wins_and_the_rest_comes_with_the_program(root: Path) -> None:
    write(root, "blocks.txt.j2", "{% macro divider(block) %}~~~{% endmacro %}")
    with pytest.raises(NewsletterError, match="has no attribute 'text'"):
        letter(every_block(), replace(SETTINGS, root=root))
    only_divider = issue(*[block for block in every_block().blocks if block.kind == "divider"])
    made = letter(only_divider, replace(SETTINGS, root=root))
    assert "~~~" in made.text
    assert made.html == letter(only_divider, SETTINGS).html


def test_a_template_that_changes_while_the_program_runs_is_read_again(root: Path) -> None:
    settings = replace(SETTINGS, root=root)
    path = root / "templates" / "consent.txt.j2"
    ours = wording(settings)
    write(root, path.name, "Een")
    assert wording(settings) == "Een"
    write(root, path.name, "Twee")
    assert wording(settings) == "Twee"
    path.unlink()
    assert wording(settings) == ours
    path.symlink_to("/proc/self/environ")
    with pytest.raises(NewsletterError, match="link"):
        wording(settings)


@pytest.mark.parametrize("name", ["", "mijn gegevens.json", 'a".json', "a.json\nb", "données.json"])
def test_a_file_name_that_no_header_can_hold_is_an_error(name: str, root: Path) -> None:
    (root / "templates" / "pages").mkdir()
    write(root, "pages/own-data.filename.txt.j2", name)
    with pytest.raises(NewsletterError, match="no simple file name"):
        letters.data_filename(replace(SETTINGS, root=root))
    assert letters.data_filename(SETTINGS) == "mijn-gegevens.json"


def test_a_macro_that_an_author_adds_later_is_used(root: Path) -> None:
    only_divider = issue(*[block for block in every_block().blocks if block.kind == "divider"])
    settings = replace(SETTINGS, root=root)
    assert "~~~" not in letter(only_divider, settings).text
    write(root, "blocks.txt.j2", "{% macro divider(block) %}~~~{% endmacro %}")
    assert "~~~" in letter(only_divider, settings).text


@pytest.mark.parametrize("place", ["inside", "beside"])
def test_templates_are_found_in_a_wheel_and_beside_an_editable_install(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "newsletter"
    home = package if place == "inside" else package.parent
    shutil.copytree(REPOSITORY / "templates", home / "templates")
    empty = tmp_path / "root"
    found = (empty / "templates", *template_folders(package))
    monkeypatch.setattr(templates, "folders", lambda _root: found)
    made = letter(every_block(), replace(SETTINGS, root=empty))
    monkeypatch.undo()
    assert made.hash == letter(every_block(), SETTINGS).hash


@pytest.mark.parametrize("linked", ["leak.j2", "sub/leak.j2", "sub"])
@pytest.mark.parametrize("to", ["/proc/self/environ", "outside", ".newsletter/secret-key"])
def test_no_link_leads_a_template_out_of_its_folder(root: Path, linked: str, to: str) -> None:
    target = Path(to) if to.startswith("/") else root / to
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        target.write_text("canary", encoding="utf-8")
    name = linked
    if linked == "sub":
        name, target = f"sub/{target.name}", target.parent
    place = root / "templates" / linked
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(target)
    write(root, "issue.txt.j2", f'{{% include "{name}" %}} {{{{ slots.unsubscribe_url }}}}')
    with pytest.raises(NewsletterError, match="leads out of the folder") as caught:
        letter(issue(), replace(SETTINGS, root=root))
    assert f"templates/{name} " in str(caught.value)
    assert "canary" not in str(caught.value)


def test_neither_may_a_template_of_ours_be_a_link_to_elsewhere(root: Path) -> None:
    (root / "templates" / "consent.txt.j2").symlink_to("/etc/hostname")
    with pytest.raises(NewsletterError, match="leads out of the folder"):
        wording(replace(SETTINGS, root=root))


def test_a_folder_of_templates_may_be_a_link_but_not_to_the_newsletter_itself(
    tmp_path: Path,
) -> None:
    shared, own = tmp_path / "shared", tmp_path / "own"
    shared.mkdir()
    own.mkdir()
    (shared / "consent.txt.j2").write_text("Ja, graag.", encoding="utf-8")
    (shared / "again.j2").symlink_to("consent.txt.j2")
    (own / "templates").symlink_to(shared)
    assert wording(replace(SETTINGS, root=own)) == "Ja, graag."
    (own / "templates").unlink()
    (own / "templates").symlink_to(".")
    (own / "consent.txt.j2").write_text("{% include 'newsletter.toml' %}", encoding="utf-8")
    with pytest.raises(NewsletterError, match="holds the newsletter itself"):
        wording(replace(SETTINGS, root=own))


def test_what_is_no_file_is_no_template(root: Path) -> None:
    (root / "templates" / "consent.txt.j2").mkdir()
    with pytest.raises(NewsletterError, match="is not a file"):
        wording(replace(SETTINGS, root=root))


def test_the_root_comes_before_the_wheel_and_the_wheel_before_what_lies_beside() -> None:
    ours = template_folders(Path("site/newsletter"))
    assert ours == (Path("site/newsletter/templates"), Path("site/templates"))
    assert templates.folders(Path("root")) == (Path("root/templates"), *template_folders())


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("a\nb\n{% for %}", r"\(templates/issue\.txt\.j2:3\)"),
        ("a\n{{ newsletter.nmae }}", r"no attribute 'nmae' \(templates/issue\.txt\.j2:2\)"),
        ("{{ slots.unsubscribe }}", r"unsubscribe.* \(templates/issue\.txt\.j2:1\)"),
        ("\n\n{{ 1 / 0 }}", r"division by zero \(templates/issue\.txt\.j2:3\)"),
        ("{{ ''.__class__.__mro__ }}", r"unsafe.* \(templates/issue\.txt\.j2:1\)"),
        ("{{ settings.secret_keys }}", "'settings' is undefined"),
        ('{% include "weg.j2" %}', "there is no template weg.j2"),
    ],
)
def test_a_template_that_is_wrong_is_one_line_with_its_place(
    code: str, problem: str, root: Path
) -> None:
    write(root, "issue.txt.j2", code)
    with pytest.raises(NewsletterError, match=problem) as error:
        letter(issue(), replace(SETTINGS, root=root))
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 1


def test_an_error_in_a_macro_names_the_macros_file(root: Path) -> None:
    write(root, "blocks.txt.j2", "\n\n{% macro divider(block) %}{{ block.x }}{% endmacro %}")
    divider = issue(*[block for block in every_block().blocks if block.kind == "divider"])
    with pytest.raises(NewsletterError, match=r"'x'.*\(templates/blocks\.txt\.j2:3\)"):
        letter(divider, replace(SETTINGS, root=root))


def test_a_template_that_is_not_utf8_is_an_error(root: Path) -> None:
    (root / "templates" / "issue.txt.j2").write_bytes(b"caf\xe9")
    with pytest.raises(NewsletterError, match="a template is not UTF-8"):
        letter(issue(), replace(SETTINGS, root=root))


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("Dag!", "the letter has no unsubscribe link"),
        ("{{ slots.unsubscribe_url }}{{ slots.greeting | upper }}", "a slot came out damaged"),
    ],
)
def test_a_template_without_its_placeholders_is_an_error(
    code: str, problem: str, root: Path
) -> None:
    write(root, "issue.txt.j2", code)
    with pytest.raises(NewsletterError, match=rf"{problem} \(issue\.txt\.j2\)"):
        letter(issue(), replace(SETTINGS, root=root))


def test_every_template_but_the_plain_text_escapes_its_values(root: Path) -> None:
    write(root, "issue.mjml.j2", "{{ issue.subject }} {% include 'deel.css.j2' %}")
    write(root, "deel.css.j2", "{{ issue.subject }}")
    write(root, "issue.txt.j2", "{{ issue.subject }}")
    values = {"issue": issue(subject="<b>&")}
    assert templates.run(root, "issue.mjml.j2", values) == "&lt;b&gt;&amp; &lt;b&gt;&amp;"
    assert templates.run(root, "issue.txt.j2", values) == "<b>&"


def test_the_manual_names_everything_a_template_may_use() -> None:
    manual = (REPOSITORY / "docs" / "templates.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[a-z0-9_]+", " ".join(re.findall(r"`([^`]+)`", manual))))
    known = {
        *values(issue(), SETTINGS),
        *(field.name for kind in (Newsletter, Scheme) for field in fields(kind)),
        *(name for block in every_block().blocks for name in (block.kind, *_names(block))),
        *(path.name.split(".")[0] for path in (REPOSITORY / "templates").iterdir()),
    }
    assert known - named == set()


def _names(block: Block) -> set[str]:
    return {field.name for field in fields(block)} - {"line", "underlined"}
