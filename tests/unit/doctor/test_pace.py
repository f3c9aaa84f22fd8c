"""How long a letter takes at the author's own pace, and may be late, by where its job runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.config import Settings
from newsletter.doctor.database import check_audience, hours_to_send
from newsletter.doctor.settings import check_schedule
from newsletter.model import DiagnosisState


@pytest.mark.parametrize(
    ("audience", "max_per_hour", "at_forge", "hours"),
    [
        (3_000, 0, True, 0),
        (3_000, 100, False, 30),
        (3_000, 100, True, 58),  # 30 runs
        (100, 100, True, 1),
        (101, 100, True, 2),
        (0, 100, True, 0),
        (3, 0.5, True, 6),
    ],
)
def test_each_run_at_a_forge_sends_the_letters_of_an_hour(
    audience: int, max_per_hour: float, hours: float, *, at_forge: bool
) -> None:
    assert hours_to_send(audience, max_per_hour, at_forge=at_forge) == hours


@pytest.mark.parametrize(
    ("at_forge", "state"), [(True, DiagnosisState.WARNING), (False, DiagnosisState.OK)]
)
def test_a_list_that_jobs_at_a_forge_cannot_finish_is_a_warning(
    state: DiagnosisState, *, at_forge: bool
) -> None:
    settings = replace(Settings(Path()), max_per_hour=100, finish_within_hours=48)
    _, pace = check_audience(settings, 3_000, at_forge=at_forge)
    assert (pace.check, pace.state) == ("settings-pace", state)
    assert ("every 2 hours" in pace.message) == at_forge


@pytest.mark.parametrize(
    ("hours", "file", "says"),
    [
        (4, ".github/workflows/send.yml", ""),
        (3, ".github/workflows/send.yml", "a job at a forge"),
        (3, ".forgejo/workflows/send.yml", "a job at a forge"),
        (3, ".gitlab-ci.yml", "a job at a forge"),
        (1, ".gitlab-ci.yml", "scheduled jobs are often later"),
        (3, "deploy/newsletter-send.timer", ""),
        (0.5, "deploy/newsletter-send.timer", ""),
        (0.1, "deploy/newsletter-send.timer", "every ten minutes"),
    ],
)
def test_only_a_job_at_a_forge_needs_hours_to_begin(
    tmp_path: Path, hours: float, file: str, says: str
) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    found = check_schedule(replace(Settings(tmp_path), max_lateness_hours=hours))
    assert found.state is (DiagnosisState.WARNING if says else DiagnosisState.OK)
    assert says in found.message
