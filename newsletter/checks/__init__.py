"""Rules about what an author probably did not mean; `docs/checks.md` says how to add one."""

from newsletter.checks.catalogue import all_rules
from newsletter.checks.digest_rules import check_digest
from newsletter.checks.examine import unallowed
from newsletter.checks.fixes import Repaired, fix, repair, repairable
from newsletter.checks.letter_rules import check_letter
from newsletter.checks.registry import RULES
from newsletter.checks.run import check, report, require_valid
from newsletter.checks.settings_rules import check_closing, check_settings

__all__ = [
    "RULES",
    "Repaired",
    "all_rules",
    "check",
    "check_closing",
    "check_digest",
    "check_letter",
    "check_settings",
    "fix",
    "repair",
    "repairable",
    "report",
    "require_valid",
    "unallowed",
]
