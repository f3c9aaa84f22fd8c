"""What runs of `send --due`, `check` and `render` show on a forge: summaries, and one issue."""

from newsletter.forge.approvals import ChangedLetter, summarize_letters
from newsletter.forge.findings import code_quality, findings_table
from newsletter.forge.question import Asked, ask_person
from newsletter.forge.summary import RunRecord, RunSummary, read_summary, summarize_run
from newsletter.forge.trackers import IssueTracker, OpenIssue, open_tracker

__all__ = [
    "Asked",
    "ChangedLetter",
    "IssueTracker",
    "OpenIssue",
    "RunRecord",
    "RunSummary",
    "ask_person",
    "code_quality",
    "findings_table",
    "open_tracker",
    "read_summary",
    "summarize_letters",
    "summarize_run",
]
