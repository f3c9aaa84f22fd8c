"""A stand-in for GitHub's `gh`, for just the calls that this project's workflows make.

    python -m tests.support.fake_gh STATE issue create --title … --label … --body …

STATE is a JSON file with the labels, the issues and every call. What it does not know is wrong
usage, and a label that nobody made is refused, as the real one does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    state = Path(sys.argv[1])
    fresh: dict[str, Any] = {"labels": [], "issues": [], "calls": []}
    known = json.loads(state.read_text(encoding="utf-8")) if state.exists() else fresh
    if not os.environ.get("GH_TOKEN") or "/" not in os.environ.get("GH_REPO", ""):
        sys.exit("gh: who asks, and of which repository?")
    known["calls"].append(sys.argv[2:])
    call = parser().parse_args(sys.argv[2:])
    said = answer(call, known)
    state.write_text(json.dumps(known), encoding="utf-8")
    if said is not None:
        sys.stdout.write(f"{said}\n")


def answer(call: argparse.Namespace, known: dict[str, Any]) -> str | int | None:
    issues = known["issues"]
    match call.noun, call.verb:
        case "label", "create":
            known["labels"].append(call.name)
        case "issue", "list":
            found = [one for one in issues if one["open"] and call.label in one["labels"]]
            return found[-1]["number"] if found else None
        case "issue", "create":
            if call.label not in known["labels"]:
                sys.exit(f"could not add label: '{call.label}' not found")
            number = 7 + len(issues)
            new = {"number": number, "open": True, "labels": [call.label], "comments": []}
            issues.append({**new, "title": call.title, "body": call.body})
            return f"https://github.com/{os.environ['GH_REPO']}/issues/{number}"
        case _:
            (issue,) = [one for one in issues if one["number"] == call.number]
            if call.verb == "view":
                return str(issue["body"])
            if call.verb == "edit":
                issue["body"] = call.body
            else:
                issue["comments"].append(call.body)
    return None


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="gh", allow_abbrev=False)
    nouns = top.add_subparsers(dest="noun", required=True)
    label = nouns.add_parser("label").add_subparsers(dest="verb", required=True)
    issue = nouns.add_parser("issue").add_subparsers(dest="verb", required=True)
    create = label.add_parser("create")
    create.add_argument("name")
    create.add_argument("--force", action="store_true", required=True)
    create.add_argument("--color", required=True)
    create.add_argument("--description", required=True)
    listed = issue.add_parser("list")
    listed.add_argument("--label", required=True)
    listed.add_argument("--limit", choices=["1"], required=True)
    _filter(listed, "number", ".[].number")
    new = issue.add_parser("create")
    new.add_argument("--title", required=True)
    new.add_argument("--label", required=True)
    new.add_argument("--body", required=True)
    view = issue.add_parser("view")
    view.add_argument("number", type=int)
    _filter(view, "body", ".body")
    for verb in ("edit", "comment"):
        one = issue.add_parser(verb)
        one.add_argument("number", type=int)
        one.add_argument("--body", required=True)
    return top


def _filter(call: argparse.ArgumentParser, fields: str, query: str) -> None:
    call.add_argument("--json", choices=[fields], required=True)
    call.add_argument("--jq", choices=[query], required=True)


if __name__ == "__main__":
    main()
