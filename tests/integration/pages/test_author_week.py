"""The author's week, command by command: from a page or a post to a rehearsed letter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.newsletter import Newsletter
from tests.support.pages.posts import PERMALINK
from tests.support.pages.walk import Sample, edit_lightly, samples
from tests.support.preview import previewing
from tests.support.providers.fake_resend import FakeResend

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

AUTHOR = "marijke@example.org"
MOST_EDITS = 3
OFTEN = {
    "ghost-nee-zeggen",
    "wordpress-elementor-wat-je-schouders-weten",
    "hugo-post-de-lege-ochtend",
}
"""Those of every test run; the others are for `--all`."""


def _parameter(sample: Sample) -> object:
    marks = () if sample.id in OFTEN or not sample.row else (pytest.mark.all,)
    return pytest.param(sample, id=sample.id, marks=marks)


@pytest.mark.parametrize("sample", [_parameter(one) for one in samples()])
def test_an_article_becomes_a_rehearsed_letter_in_five_commands(
    sample: Sample, root: Path, run: Run, tmp_path: Path
) -> None:
    newsletter = Newsletter(root, subscribers=2, slug="none")
    file = sample.write(root / "site")
    with FakeResend(tmp_path / "taken") as fake:
        env = newsletter.for_real(fake.url)
        with (root / "newsletter.toml").open("a", encoding="utf-8") as settings:
            settings.write(f'permalink = "{PERMALINK}"\n')

        made = run("new", str(file), *sample.arguments, "--json", env=env)
        assert made.returncode == 0, made.stderr
        draft = json.loads(made.stdout)
        slug, path = draft["slug"], root / draft["path"]
        assert draft["article"] == sample.url

        text, edits = edit_lightly(path.read_text("utf-8"))
        assert edits <= MOST_EDITS
        path.write_text(text, encoding="utf-8")

        with previewing(root, slug, env=env) as preview:
            view = preview.view(slug)
            assert view["letter"]["subject"] == sample.expected.subject
            assert view["findings"] == []

        checked = run("check", slug, "--json", env=env)
        assert (checked.returncode, json.loads(checked.stdout)) == (0, [])

        proofed = run("proof", slug, "--to", AUTHOR, env=env)
        assert proofed.returncode == 0, proofed.stderr
        assert [one["to"] for one in fake.taken()] == [AUTHOR]

        rehearsed = run("rehearse", slug, env=env)
        assert rehearsed.returncode == 0, rehearsed.stderr
        assert len(fake.taken()) == 1, "a rehearsal mails nobody"
    assert len(list((root / ".newsletter" / "outbox" / slug).glob("*.eml"))) == 2
