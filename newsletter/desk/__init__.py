"""Issue files: find, read, check and preview them."""

from newsletter.desk.inspection import Inspection, inspect_files, inspect_folder, inspect_issue
from newsletter.desk.issues import (
    RenderedIssue,
    find_draft,
    in_issues,
    issue_paths,
    read_all,
    read_draft,
    render_files,
)

__all__ = [
    "Inspection",
    "RenderedIssue",
    "find_draft",
    "in_issues",
    "inspect_files",
    "inspect_folder",
    "inspect_issue",
    "issue_paths",
    "read_all",
    "read_draft",
    "render_files",
]
