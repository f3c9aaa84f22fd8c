"""The list of providers names what their folders hold, and their connections are closed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from newsletter import providers
from newsletter.cli.app import App
from newsletter.config import PROVIDER_VARIABLES, PROVIDERS, Settings
from newsletter.providers.registry import events_of
from newsletter.providers.resend.send import Resend
from newsletter.providers.ses.events import SesEvents
from tests.support.providers.sns import TOPIC

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_is_in_the_folder_of_its_name(tmp_path: Path, name: str) -> None:
    can = providers.capabilities_of(Settings(root=tmp_path, provider=name))
    assert can.name == name
    assert not can.account_variable or can.account_variable in PROVIDERS[name]


@pytest.mark.parametrize("name", PROVIDERS)
def test_events_have_the_name_and_a_variable_of_their_provider(name: str) -> None:
    events = events_of(name)
    assert (events is None) is (name == providers.OUTBOX)
    assert not events or (events.name, events.secret in PROVIDERS[name]) == (name, True)


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_account_has_the_name_of_its_provider(tmp_path: Path, name: str) -> None:
    account = providers.account_of(Settings(root=tmp_path, provider=name))
    assert (account is None) is (name == providers.OUTBOX)
    assert not account or account.name == name


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_a_provider_can_do_is_known_without_libraries_of_the_network(
    tmp_path: Path, name: str
) -> None:
    code = (
        "import pathlib, sys, newsletter.providers; from newsletter.config import Settings; "
        "newsletter.providers.capabilities_of(Settings(pathlib.Path(sys.argv[1]), "
        "provider=sys.argv[2])); "
        "sys.exit(sorted({'httpx', 'httpcore', 'botocore'} & set(sys.modules)) or 0)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), name]
    subprocess.run(command, check=True, timeout=60)


def test_no_variable_belongs_to_two_providers() -> None:
    assert len(set(PROVIDER_VARIABLES)) == len(PROVIDER_VARIABLES)


def test_an_unknown_name_has_no_events() -> None:
    assert events_of("nobody") is None


def test_the_connections_of_a_command_are_closed_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[object] = []

    def close(self: object) -> None:
        closed.append(self)

    monkeypatch.setattr(Resend, "close", close)
    context = click.Context(click.Command("send"))
    key = {"RESEND_API_KEY": "re_x"}
    settings = Settings(root=tmp_path, provider="resend", credentials=key)
    with context.scope():
        opened = App(context, 0).open_provider(settings)
        assert closed == []
    assert closed == [opened]


def test_the_connections_for_certificates_can_be_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[object] = []

    def close(self: object) -> None:
        closed.append(self)

    monkeypatch.setattr("newsletter.providers.http.HttpClient.close", close)
    verifier = SesEvents().verifier(Settings(root=tmp_path, credentials={"SES_TOPIC_ARN": TOPIC}))
    assert verifier
    verifier.close()
    assert len(closed) == 1
