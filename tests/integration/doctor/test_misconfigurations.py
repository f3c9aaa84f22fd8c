"""Each misconfiguration is found by its check and by no other; a good set-up is silent."""

from __future__ import annotations

from newsletter.model import DiagnosisState
from tests.integration.doctor.good_set_up import SetUp, problems

OK, WARNING = DiagnosisState.OK, DiagnosisState.WARNING
FAILURE, UNKNOWN = DiagnosisState.FAILURE, DiagnosisState.UNKNOWN


def test_a_good_set_up_is_silent(set_up: SetUp) -> None:
    assert problems(set_up.examine()) == {}
