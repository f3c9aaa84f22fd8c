"""The page on `doctor` has every check, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from newsletter import doctor, mail_dns
from newsletter.providers import base_account

PAGE = Path(__file__).parents[3] / "docs" / "doctor.md"
IDS = (
    *(check for check, _ in doctor.CHECKS),
    *base_account.CHECKS,
    *(check for check, _ in mail_dns.CHECKS),
    *(check for check, _ in mail_dns.RECEIVED_CHECKS),
)


def test_the_page_has_every_check_in_order() -> None:
    documented = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(documented) == sorted(IDS)
    assert len(set(IDS)) == len(IDS)


def test_no_check_is_used_that_is_in_no_list() -> None:
    folder = Path(doctor.__file__).parent
    code = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    named = re.findall(r"^([A-Z_]+): Final = \"([a-z-]+)\"$", code, re.MULTILINE)
    listed = [check for check, _ in doctor.CHECKS]
    assert [check for _, check in named] == listed
    assert [name for name, _ in named if code.count(f"{name},") + code.count(f"{name})") < 3] == []
