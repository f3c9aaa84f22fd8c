"""Where an installation came from, by what its installer recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from newsletter import __version__
from newsletter.repository.origin import OriginKind, parse_origin, read_origin

COMMIT = "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d"


@pytest.mark.parametrize(
    ("recorded", "text"),
    [
        (
            {"url": "https://h.example/o/r.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            "https://h.example/o/r.git at 1a2b3c4d5e6f",
        ),
        (
            {"url": "https://u:p@h.example/o/r", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            "https://h.example/o/r at 1a2b3c4d5e6f",
        ),
        (
            {"url": "ssh://git:p@h.example/o", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            "ssh://git@h.example/o at 1a2b3c4d5e6f",
        ),
        (
            {"url": "file:///tmp/a%20b/x.whl", "archive_info": {"hashes": {"sha256": "ab"}}},
            "/tmp/a b/x.whl",
        ),
        ({"url": "https://h.example/x.whl", "archive_info": {}}, "https://h.example/x.whl"),
        ({"url": "file:///srv/it", "dir_info": {"editable": True}}, "editable folder /srv/it"),
        ({"url": "file:///srv/it", "dir_info": {}}, "folder /srv/it"),
    ],
)
def test_what_an_installer_recorded_is_said_without_a_password(
    recorded: dict[str, Any], text: str
) -> None:
    assert parse_origin(json.dumps(recorded)).text == text


@pytest.mark.parametrize(
    "info", [{"hash": "sha256=ab"}, {"hashes": {"sha256": "ab"}}, {"hash": "md5=x"}, {}]
)
def test_both_forms_of_a_hash_are_read(info: dict[str, Any]) -> None:
    found = parse_origin(json.dumps({"url": "https://h.example/x.whl", "archive_info": info}))
    assert found.sha256 == ("" if info in ({}, {"hash": "md5=x"}) else "ab")


@pytest.mark.parametrize("recorded", ["", "{", "[]", "{}", '{"url": 3, "vcs_info": 4}', "null"])
def test_what_is_no_record_counts_as_a_release(recorded: str) -> None:
    found = parse_origin(recorded)
    assert (found.kind, found.text, found.version) == (OriginKind.RELEASE, "released", __version__)


def test_these_tests_run_from_a_folder() -> None:
    assert read_origin().kind is OriginKind.FOLDER
