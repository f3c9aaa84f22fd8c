"""Rules about what an author probably did not mean; `docs/checks.md` says how to add one."""

from newsletter.checks.catalogue import all_rules
from newsletter.checks.fixes import fix
from newsletter.checks.registry import RULES
from newsletter.checks.run import check, require_valid
from newsletter.checks.waivers import waive

__all__ = ["RULES", "all_rules", "check", "fix", "require_valid", "waive"]
