"""What every provider's account keeps, each against its own fake over real sockets.

What is a provider's own is in its `test_NAME_account.py`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from newsletter import config, providers
from newsletter.model import AccountReport, DiagnosisState
from newsletter.providers import account_client, base_account
from tests.support.providers.accounts import inspect, settings_of, states
from tests.support.providers.cases import CASES, Case
from tests.support.providers.fake_server import Fault, error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.providers.fake_server import FakeServer

ASKED = [
    case
    for case in CASES
    if case.name == case.can.name and providers.account_of(settings_of(case, "http://127.0.0.1:1"))
]
OK, UNKNOWN = DiagnosisState.OK, DiagnosisState.UNKNOWN
HIDES = (
    *("500", "503", "503-later", "502-page", "404-page", "page", "empty", "half-json", "huge"),
    *("reset-untaken", "reset-unread", "half-answer", "hang-untaken", "dribble"),
)


@pytest.fixture(params=ASKED, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    """Return each provider in turn."""
    one: Case = request.param
    return one


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for an answer that does not come for a second and no longer."""
    monkeypatch.setattr(account_client, "DEADLINE", 1.0)


def lines_of(report: AccountReport) -> Iterator[str]:
    for diagnosis in report.diagnoses:
        yield diagnosis.message
        yield diagnosis.fix


def test_a_good_set_up_is_ok_and_nothing_was_changed(case: Case, fake: FakeServer) -> None:
    report = inspect(case, fake)
    assert set(states(report).values()) == {OK}, report.diagnoses
    assert {request.method for request in fake.requests} == {"GET"}
    assert fake.taken() == []


def test_the_checks_have_known_ids_in_their_order(case: Case, fake: FakeServer) -> None:
    checks = [diagnosis.check for diagnosis in inspect(case, fake).diagnoses]
    assert checks == [check for check in base_account.CHECKS if check in checks]
    assert base_account.KEY in checks


@pytest.mark.parametrize("name", HIDES)
def test_what_cannot_be_seen_now_is_unknown_and_never_missing(
    case: Case, fake: FakeServer, name: str
) -> None:
    fake.reading = case.fake.FAULTS[name]
    report = inspect(case, fake)
    assert set(states(report).values()) <= {OK, UNKNOWN}, report.diagnoses
    assert states(report)[base_account.KEY] is UNKNOWN
    assert (report.records, report.dkim_selectors) == ((), ())
    unseen = [one for one in report.diagnoses if one.state is UNKNOWN]
    assert all(one.message and one.fix == base_account.AGAIN for one in unseen)


def test_too_many_requests_are_repeated_a_little_later_and_then_no_more(
    case: Case, fake: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    fake.reading = case.fake.FAULTS["429"]
    report = inspect(case, fake)
    assert states(report)[base_account.KEY] is UNKNOWN
    assert set(states(report).values()) <= {OK, UNKNOWN}
    assert (len(fake.requests), slept) == (4, [1.0] * 3)


def test_a_server_that_does_not_answer_is_asked_once(case: Case, fake: FakeServer) -> None:
    fake.reading = case.fake.FAULTS["hang-untaken"]
    inspect(case, fake)
    assert len(fake.requests) == 1


def test_a_server_that_cannot_be_reached_is_unknown(case: Case, tmp_path: Path) -> None:
    with case.fake(tmp_path / "gone.jsonl") as gone:
        pass
    report = inspect(case, gone)
    assert states(report)[base_account.KEY] is UNKNOWN
    assert set(states(report).values()) <= {OK, UNKNOWN}


@pytest.mark.parametrize("status", [401, 403])
def test_what_a_key_may_not_see_is_unknown_and_says_what_to_look_at(
    case: Case, fake: FakeServer, status: int
) -> None:
    fake.reading = error(status, "forbidden", message="This key may not see that")
    report = inspect(case, fake)
    others = [one for one in report.diagnoses if one.check != base_account.KEY]
    assert {one.state for one in others} <= {OK, UNKNOWN}
    assert all(one.fix for one in others if one.state is UNKNOWN)


def test_without_what_it_needs_the_key_is_a_failure_that_names_it(case: Case) -> None:
    for name in case.environment:
        report = inspect(case, None, **{name: "-"})
        (diagnosis,) = report.diagnoses
        assert (diagnosis.check, diagnosis.state) == (base_account.KEY, DiagnosisState.FAILURE)
        assert name in diagnosis.message
        assert diagnosis.fix


def test_no_secret_shows_in_any_message(case: Case, fake: FakeServer) -> None:
    hidden = [*case.secrets, "gerrit@example.org"]
    for status in (400, 401, 403, 404, 422, 500):
        fake.reading = error(status, "odd", message=f"It is {' or '.join(hidden)}, for all I know")
        shown = " ".join(lines_of(inspect(case, fake)))
        assert not [secret for secret in hidden if secret in shown], status
    for request in fake.requests:
        assert not [secret for secret in case.secrets if secret in request.path]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@hypothesis_settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(JSON, st.integers(min_value=0))
@example(None, 0)
@example([], 1)
@example({"": {}}, 2)
def test_an_answer_of_any_other_shape_is_read_without_an_error(
    case: Case,
    fake: FakeServer,
    odd: Any,  # noqa: ANN401 - JSON
    place: int,
) -> None:
    """Put something odd in the place of each value that a good answer holds."""

    def change(_fake: FakeServer, said: bytes) -> bytes:
        return json.dumps(changed(json.loads(said), odd, place)).encode()

    fake.reading = Fault(taken=True, change=change)
    report = inspect(case, fake)
    assert all(text.isprintable() and not text.endswith(": ") for text in lines_of(report))


def changed(said: Any, odd: Any, place: int) -> Any:  # noqa: ANN401 - JSON
    """Return JSON in which one value, at any depth, is another."""
    places = list(paths(said))
    path = places[place % len(places)]
    if not path:
        return odd
    inner = said
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = odd
    return said


def paths(said: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - JSON
    yield before
    inside = said.items() if isinstance(said, dict) else ()
    inside = enumerate(said) if isinstance(said, list) else inside
    for step, inner in inside:
        yield from paths(inner, (*before, step))


def test_the_outbox_has_no_account(tmp_path: Path) -> None:
    assert providers.account_of(config.Settings(root=tmp_path)) is None
