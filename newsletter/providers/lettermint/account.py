"""What Lettermint says of an account: its domains, its broadcast route, its webhooks, the plan.

The requests and their answers are in Lettermint's own SDK
(https://github.com/lettermint/lettermint-python). The token that sends may only ask whether it is
valid; all else is for `LETTERMINT_TEAM_TOKEN`.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from newsletter.config import NO_DOMAIN
from newsletter.model import AccountReport, DiagnosisState, DnsRecord
from newsletter.providers import account_client, base, base_account, responses
from newsletter.providers.account_client import AccountClient, Answer
from newsletter.providers.account_webhook import Endpoint, WebhookNeeds
from newsletter.providers.base_account import (
    DOMAIN,
    KEY,
    LIMITS,
    REGION,
    TRACKING,
    UNSUBSCRIBE,
    WEBHOOK,
    ProviderAccount,
    failure,
    ok,
    shown,
    unknown,
    unseen,
    warning,
)
from newsletter.providers.http import HttpClient, HttpResponse
from newsletter.providers.lettermint.events import EVENTS, KINDS, TEAM_TOKEN
from newsletter.providers.lettermint.send import BASE, ROUTE
from newsletter.providers.webhooks import text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Diagnosis
    from newsletter.providers.http import Failure

_WHO: Final = "Lettermint"
_PING: Final = "ping"
_PER_PAGE: Final = "100"
_OK, _UNAUTHENTICATED = 200, 401
_MOST_PROJECTS: Final = 5
_VERIFIED: Final = "verified"
_DKIM_NAME: Final = re.compile(r"([\w-]+)\._domainkey\..+", re.IGNORECASE)
_DOMAINS: Final = "at lettermint.co under Domains"
_SETTINGS: Final = f"at lettermint.co in the settings of the route {ROUTE}"
_NEEDS: Final = WebhookNeeds(
    EVENTS,
    (
        *("message.sent", "message.delivered", "message.soft_bounced", "message.hard_bounced"),
        *("message.spam_complaint", "message.unsubscribed", "message.suppressed"),
        *("message.failed", "message.policy_rejected"),
    ),
    KINDS,
    "at lettermint.co under Webhooks",
)
_NO_TEAM_TOKEN: Final = Answer({}, f"{TEAM_TOKEN} is not set", denied=True)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a team token shows.

    Attributes:
        domains: The domains whose name contains that of the sender.
        domain: The sender's; empty if it is not there.
        projects: Those that may send from it.
        routes: Of these projects, those by which letters leave; of each that cannot be seen, why.
        webhooks: All of the team.
        team: The team and its plan.
        usage: How much of the plan is used.
    """

    domains: Answer
    domain: Mapping[str, Any]
    projects: Sequence[Answer]
    routes: Sequence[Answer]
    webhooks: Answer
    team: Answer
    usage: Answer


class LettermintAccount(ProviderAccount):
    """The domains, routes, webhooks and plan of a team."""

    name = "lettermint"
    has_one_key = False

    def ask(self, settings: Settings, audience: int) -> AccountReport:
        """Return what Lettermint says."""
        hint = "Copy the project's API token at lettermint.co"
        token = base.credential(settings, "LETTERMINT_API_TOKEN", hint)
        team = settings.credentials.get(TEAM_TOKEN, "")
        url = base.base_url(settings, BASE)

        def get(path: str) -> HttpResponse | Failure:
            who = {"x-lettermint-token": token} if path == _PING else _bearer(team)
            return http.get(f"{url}/{path}", headers=who)

        with closing(HttpClient(deadline=account_client.DEADLINE)) as http:
            client = AccountClient(_WHO, get, tuple(filter(None, (token, team))))
            key = _diagnose_key(client.fetch(_PING))
            seen = _look(client, settings.domain) if team else _unseen(_NO_TEAM_TOKEN)
        return AccountReport(
            (
                key,
                _diagnose_domain(seen, settings.domain),
                _diagnose_routes(seen, TRACKING, "whether it tracks", _tracking),
                _diagnose_webhook(seen, settings),
                _diagnose_routes(seen, UNSUBSCRIBE, "whose List-Unsubscribe it adds", _unsubscribe),
                ok(REGION, "Lettermint says that it is hosted within the European Union"),
                _diagnose_limits(seen, audience),
            ),
            *_records(seen.domain),
        )


ACCOUNT: Final = LettermintAccount()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}


def _unseen(why: Answer) -> _Seen:
    return _Seen(why, {}, (), (), why, why, why)


def _look(client: AccountClient, name: str) -> _Seen:
    domains = _list(client, "domains", **{"filter[domain]": name})
    domain = _domain(client, domains, name)
    belongs = [_path(text(one, "id")) for one in responses.objects(domain.get("projects"))]
    belongs = belongs[:_MOST_PROJECTS]
    return _Seen(
        domains=domains,
        domain=domain,
        projects=[client.ask(f"projects/{project}") for project in belongs],
        routes=[_route(client, project) for project in belongs],
        webhooks=_list(client, "webhooks", cursor="cursor"),
        team=client.ask("team"),
        usage=client.ask("team/usage"),
    )


def _list(client: AccountClient, what: str, cursor: str = "page[cursor]", **query: str) -> Answer:
    def page(**more: str) -> str:
        return f"{what}?{urlencode({**query, 'page[size]': _PER_PAGE, **more})}"

    def following(answer: Answer) -> str:
        found = text(answer.said, "next_cursor")
        return page(**{cursor: found}) if found else ""

    return client.list_all(page(), "data", following)


def _path(name: str) -> str:
    return quote(name, safe="")


def _domain(client: AccountClient, domains: Answer, name: str) -> Mapping[str, Any]:
    """Return all that Lettermint says of a domain; what the list has, if it says no more."""
    listed = (one for one in domains.items("data") if text(one, "domain").lower() == name.lower())
    found = next(listed, None)
    if not found:
        return {}
    said = client.ask(f"domains/{_path(text(found, 'id'))}?include=dnsRecords%2Cprojects")
    return found if said.why else {**said.said, **found}


def _route(client: AccountClient, project: str) -> Answer:
    """Return the route of a project by which letters leave; one that is missing if it has none."""
    routes = _list(client, f"projects/{project}/routes")
    if routes.why:
        return routes
    ours = next((one for one in routes.items("data") if text(one, "slug") == ROUTE), None)
    if not ours:
        return Answer({}, f"there is no route {ROUTE}", missing=True)
    return client.ask(f"routes/{_path(text(ours, 'id'))}")


def _diagnose_key(response: HttpResponse | Failure) -> Diagnosis:
    again = base_account.AGAIN
    if not isinstance(response, HttpResponse):
        return unknown(KEY, f"the token could not be checked: {response.reason}", again)
    if response.status == _OK and response.body.strip() == b"pong":
        return ok(KEY, "the project's token is valid; it may only send")
    if response.status == _UNAUTHENTICATED and not responses.is_page(response):
        fix = "Copy the project's API token at lettermint.co into LETTERMINT_API_TOKEN"
        return failure(KEY, "Lettermint knows no such project token", fix)
    refusal = responses.failure_of(response)
    why = refusal.reason if refusal else f"this is no answer of {_WHO}"
    return unknown(KEY, f"the token could not be checked: {why}", again)


def _diagnose_domain(seen: _Seen, name: str) -> Diagnosis:
    if seen.domains.why:
        look = f"Set {TEAM_TOKEN}, or look {_DOMAINS}: {name} must be verified"
        return unseen(DOMAIN, seen.domains, "the domains of the account", look)
    if name == NO_DOMAIN:
        return base_account.without_domain(DOMAIN, name)
    if not seen.domain:
        fix = f"Add {name} {_DOMAINS}, or write a sender at a domain that is there"
        return failure(DOMAIN, f"Lettermint does not have the domain {name} of the sender", fix)
    status = text(seen.domain, "status")
    if status != _VERIFIED:
        records = [one for one in _required(seen.domain) if text(one, "status") != "active"]
        names = [f"{text(one, 'type')} {text(one, 'fqdn')}" for one in records]
        fix = f"Put its records into your DNS, then verify it {_DOMAINS}"
        return base_account.unverified(name, status, names, fix)
    if "projects" in seen.domain and not seen.projects:
        fix = f"Give it to the project whose token is set, {_DOMAINS}"
        return failure(DOMAIN, f"no project may send from {name}", fix)
    return ok(DOMAIN, f"{name} is verified")


def _diagnose_routes(
    seen: _Seen,
    check: str,
    what: str,
    judge: Callable[[str, Mapping[str, Any]], Diagnosis],
) -> Diagnosis:
    """Return what is found of the routes by which letters may leave."""
    look = f"Set {TEAM_TOKEN}, or look {_SETTINGS}: tracking and hosted unsubscribe must be off"
    if seen.domains.why:
        return unseen(check, seen.domains, what, look)
    if not seen.routes:
        return unknown(check, "the project that sends is not known", f"See {DOMAIN}")
    found = [
        unseen(check, route, what, look)
        if route.why
        else judge(text(route.said, "name"), _settings(route))
        for route in seen.routes
    ]
    return _judge_projects(seen, found)


_WORST: Final = ("ok", "warning", "unknown", "failure")


def _judge_projects(seen: _Seen, found: Sequence[Diagnosis]) -> Diagnosis:
    """Return the worst of what is found of each project; a failure only if all of them fail.

    No answer says of which project the token is.
    """
    worst = max(found, key=lambda one: _WORST.index(one.state))
    failing = [place for place, one in enumerate(found) if one.state is DiagnosisState.FAILURE]
    if not failing or len(failing) == len(found):
        return worst
    names = ", ".join(shown(text(seen.projects[place].said, "name")) or "?" for place in failing)
    return unknown(
        worst.check,
        f"it is not known which project sends; in {names}, {worst.message}",
        f"If its token is the one that is set: {worst.fix[:1].lower()}{worst.fix[1:]}",
    )


def _settings(route: Answer) -> Mapping[str, Any]:
    found = route.said.get("settings")
    return found if isinstance(found, dict) else {}


def _tracking(name: str, settings: Mapping[str, Any]) -> Diagnosis:
    opens, clicks = settings.get("track_opens"), settings.get("track_clicks")
    return base_account.tracking(f"the route {shown(name) or ROUTE}", opens, clicks, _SETTINGS)


def _unsubscribe(name: str, settings: Mapping[str, Any]) -> Diagnosis:
    off = settings.get("disable_hosted_unsubscribe")
    fix = f"Ask its support to allow that, then switch hosted unsubscribe off {_SETTINGS}"
    if off is True:
        return ok(UNSUBSCRIBE, "hosted unsubscribe is off: our List-Unsubscribe is kept")
    if off is False:
        message = f"the route {shown(name) or ROUTE} adds a List-Unsubscribe and a link of its own"
        return failure(UNSUBSCRIBE, message, fix)
    message = "Lettermint does not say whether it adds a List-Unsubscribe and a link of its own"
    return unknown(UNSUBSCRIBE, message, fix)


def _diagnose_webhook(seen: _Seen, settings: Settings) -> Diagnosis:
    if seen.webhooks.why:
        look = f"Set {TEAM_TOKEN}, or look {_NEEDS.look}"
        return unseen(WEBHOOK, seen.webhooks, "the webhooks", look)
    ours = {text(one.said, "id") for one in (*seen.projects, *seen.routes)}
    endpoints = [
        Endpoint(
            url=text(one, "url"),
            events=frozenset(_names(one, "events")),
            enabled=one.get("enabled") is not False
            and text(one, "delivery_mode_filter") != "sandbox",
        )
        for one in seen.webhooks.items("data")
        if _concerns(one, ours)
    ]
    return _NEEDS.diagnose(settings, endpoints)


def _concerns(webhook: Mapping[str, Any], ours: set[str]) -> bool:
    """Return whether a webhook reports letters of the projects that may be ours."""
    scoped = {*_names(webhook, "project_ids"), *_names(webhook, "route_ids")}
    return text(webhook, "scope") == "team" or not scoped or not ours or bool(scoped & ours)


def _names(said: Mapping[str, Any], key: str) -> list[str]:
    found = said.get(key)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _diagnose_limits(seen: _Seen, audience: int) -> Diagnosis:
    if seen.team.why:
        look = f"Set {TEAM_TOKEN}, or look at lettermint.co at the plan of the team"
        return unseen(LIMITS, seen.team, "the plan", look)
    usable = [*map(_diagnose_project, seen.projects, seen.routes)]
    if usable and (judged := _judge_projects(seen, usable)).state is not DiagnosisState.OK:
        return judged
    if "verified_at" in seen.team.said and not seen.team.said["verified_at"]:
        fix = "Look at lettermint.co what it still asks for"
        return warning(LIMITS, "Lettermint has not verified the team yet", fix)
    period = seen.usage.said.get("current_period")
    used = base_account.whole(period.get("usage") if isinstance(period, dict) else None)
    included = base_account.whole(seen.team.said.get("included_volume"))
    if used is None or included is None:
        look = "Look at lettermint.co how much of the plan is left"
        return unknown(LIMITS, "Lettermint does not say how much of the plan is used", look)
    more = "Choose a larger plan, or allow it to charge what goes beyond this one"
    return base_account.limits(audience, max(0, included - used), "more this month", more)


def _diagnose_project(project: Answer, route: Answer) -> Diagnosis:
    """Return whether letters can leave by a project."""
    if text(project.said, "delivery_mode") == "sandbox":
        fix = "Make it live at lettermint.co, or take the token of a project that is"
        return failure(LIMITS, "the project is a sandbox: nobody is mailed", fix)
    if route.missing:
        fix = f"Make a broadcast route with the slug {ROUTE} in the project at lettermint.co"
        return failure(LIMITS, f"there is no route {ROUTE}, which every letter names", fix)
    return ok(LIMITS, "letters can leave by it")


def _required(domain: Mapping[str, Any]) -> list[dict[str, Any]]:
    records = responses.objects(domain.get("dns_records"))
    return [one for one in records if one.get("required_for_verification") is True]


def _records(domain: Mapping[str, Any]) -> tuple[tuple[DnsRecord, ...], tuple[str, ...]]:
    """Return the records that letters need, and the selectors of DKIM."""
    records = tuple(
        DnsRecord(text(one, "fqdn").rstrip("."), text(one, "type"), text(one, "content"))
        for one in _required(domain)
        if text(one, "purpose") != "dmarc" and text(one, "fqdn")
    )
    found = [_DKIM_NAME.fullmatch(record.name) for record in records]
    return records, tuple(dict.fromkeys(one[1].lower() for one in found if one))
