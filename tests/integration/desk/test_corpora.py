"""What `check` finds in letters as authors write them: one fault each, and none in good ones.

In `tests/corpora/faults/` each folder is named after the rule that must find its file, and no other
rule may find anything there; two hyphens divide several faults of one rule. The 30 issues in
`tests/corpora/clean/` have nothing that even a hint could be about.

The letters are checked on the day of the test. Most are of 2027, and nothing changes when that is
past: no file may be a draft, for a draft of a past day has a finding, and the dates in their texts
are judged by the day of sending.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newsletter import config, desk
from newsletter.checks import all_rules
from newsletter.desk import fixing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.model import Finding

CORPORA = Path(__file__).parents[2] / "corpora"
FAULTS = sorted(CORPORA.glob("faults/*"))
CLEAN = sorted(CORPORA.glob("clean/*.md"))
SETTINGS = """name = "Jij en Rust"
sender = "Gerrit <gerrit@example.org>"
contact = "Postbus 1, Deventer"
"""


def check(root: Path, files: Sequence[Path]) -> tuple[Finding, ...]:
    (root / "issues").mkdir()
    (root / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    for file in files:
        shutil.copy(file, root / "issues")
    return desk.inspect_folder(config.load(root, {})).findings


def rules_of(findings: Sequence[Finding]) -> set[str]:
    return {finding.rule for finding in findings}


@pytest.mark.parametrize("folder", FAULTS, ids=lambda folder: folder.name)
def test_a_fault_is_found_by_its_rule_and_by_no_other(tmp_path: Path, folder: Path) -> None:
    rule = folder.name.partition("--")[0]
    assert rule in all_rules()
    assert rules_of(check(tmp_path, [*folder.iterdir()])) == {rule}


@pytest.mark.all
@pytest.mark.parametrize("folder", FAULTS, ids=lambda folder: folder.name)
def test_a_fault_is_fixable_exactly_where_the_fix_removes_it(tmp_path: Path, folder: Path) -> None:
    before = check(tmp_path, [*folder.iterdir()])
    settings = config.load(tmp_path, {})
    for fix in list(fixing.plan_fixes(settings, [*settings.issues.iterdir()])):
        fixing.write_fix(fix)
    after = desk.inspect_folder(settings).findings
    assert len(after) == len(before) - sum(finding.fixable for finding in before)
    assert list(fixing.plan_fixes(settings, [*settings.issues.iterdir()])) == []


def test_good_letters_have_no_finding(tmp_path: Path) -> None:
    assert check(tmp_path, CLEAN) == ()


def test_the_corpora_are_as_large_as_they_say() -> None:
    assert len(FAULTS) >= 100
    assert len(CLEAN) == 30


def test_no_file_of_the_corpora_has_another_finding_when_its_day_is_past() -> None:
    drafts = [
        file
        for file in [*CLEAN, *(one for folder in FAULTS for one in folder.iterdir())]
        if re.search(rb"^draft: *(?:yes|ja|true)", file.read_bytes(), re.MULTILINE)
    ]
    assert {file.parent.name for file in drafts} == {"draft-in-the-past"}
