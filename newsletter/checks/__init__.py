"""Rules about what an author probably did not mean; `docs/checks.md` says how to add one."""

from newsletter.checks.registry import RULES
from newsletter.checks.run import check, require_valid, severities

__all__ = ["RULES", "check", "require_valid", "severities"]
