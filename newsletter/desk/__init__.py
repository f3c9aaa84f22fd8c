"""Issue files: find, read, check and preview them."""

from newsletter.desk.issues import (
    RenderedIssue,
    find_draft,
    in_issues,
    inspect_issue,
    issue_paths,
    read_all,
    read_draft,
    render_files,
)

__all__ = [
    "RenderedIssue",
    "find_draft",
    "in_issues",
    "inspect_issue",
    "issue_paths",
    "read_all",
    "read_draft",
    "render_files",
]
