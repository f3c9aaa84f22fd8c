"""What Amazon SES says of an account: the domain's identity, the configuration set, the quota.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/: API_GetAccount, API_GetEmailIdentity,
API_GetConfigurationSet and API_GetConfigurationSetEventDestinations. Each needs a right of its own.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from newsletter.config import NO_DOMAIN
from newsletter.model import AccountReport, DnsRecord, EventKind
from newsletter.providers import account_client, base_account
from newsletter.providers.account_client import AccountClient, Answer
from newsletter.providers.account_webhook import Endpoint, WebhookNeeds, webhook_url
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
from newsletter.providers.ses import responses as ses_responses
from newsletter.providers.ses.client import REGIONS, open_account, region_of
from newsletter.providers.ses.events import EVENTS
from newsletter.providers.webhooks import at, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Diagnosis

_WHO: Final = "Amazon SES"
_SET: Final = "SES_CONFIGURATION_SET"
_CONSOLE: Final = "in the console of Amazon SES"
_IDENTITIES: Final = f"{_CONSOLE} under Identities"
_SETS: Final = f"{_CONSOLE} under Configuration sets"
_RIGHTS: Final = "or allow this key to see it (docs/providers.md has the policy)"
_DENIED: Final = "AccessDeniedException"
_NOT_FOUND: Final = "NotFoundException"
_WRONG_KEYS: Final = frozenset(
    {
        *("InvalidClientTokenId", "UnrecognizedClientException", "MissingAuthenticationToken"),
        *("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"),
    }
)
_SUCCESS: Final = "SUCCESS"
_FAILED: Final = frozenset({"FAILED", "TEMPORARY_FAILURE"})
_OWN_KEY: Final = "EXTERNAL"
_DKIM_ZONE: Final = "dkim.amazonses.com"
_KINDS: Final = {
    "SEND": EventKind.ACCEPTED,
    "REJECT": EventKind.FAILED,
    "DELIVERY": EventKind.DELIVERED,
    "BOUNCE": EventKind.HARD_BOUNCE,
    "COMPLAINT": EventKind.COMPLAINT,
    "DELIVERY_DELAY": EventKind.DEFERRED,
    "RENDERING_FAILURE": EventKind.FAILED,
}
_NEEDS: Final = WebhookNeeds(
    EVENTS, tuple(_KINDS), _KINDS, f"{_SETS}, Event destinations, with an Amazon SNS topic"
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What these keys show.

    Attributes:
        region: Of the account.
        account: Its quota and state.
        name: The domain that is verified: the sender's, or one that it is a part of.
        identity: What is known of that.
        set_name: The configuration set by which letters leave; empty without one.
        set: What is known of it.
        destinations: Where it reports to.
    """

    region: str
    account: Answer
    name: str
    identity: Answer
    set_name: str
    set: Answer
    destinations: Answer


class SesAccount(ProviderAccount):
    """An account in one region."""

    name = "ses"

    def ask(self, settings: Settings, audience: int) -> AccountReport:
        """Return what Amazon SES says."""
        region = region_of(settings)
        with closing(open_account(settings, account_client.DEADLINE)) as account:
            client = AccountClient(_WHO, account.get, account.secrets)
            seen = _look(client, settings, region)
        return AccountReport(
            (
                _diagnose_key(seen.account),
                _diagnose_domain(seen, settings.domain),
                _diagnose_tracking(seen),
                _diagnose_webhook(seen, settings),
                ok(UNSUBSCRIBE, "Amazon SES adds no List-Unsubscribe and keeps ours"),
                _diagnose_region(seen),
                _diagnose_limits(seen, audience),
            ),
            *_records(seen),
        )


ACCOUNT: Final = SesAccount()


def _look(client: AccountClient, settings: Settings, region: str) -> _Seen:
    account = client.ask("/v2/email/account")
    name, identity = _identity(client, settings.domain)
    # Without one in the request, that of the identity applies.
    chosen = settings.credentials.get(_SET) or text(identity.said, "ConfigurationSetName")
    where = f"/v2/email/configuration-sets/{quote(chosen, safe='')}"
    return _Seen(
        region=region,
        account=account,
        name=name,
        identity=identity,
        set_name=chosen,
        set=client.ask(where) if chosen else Answer({}),
        destinations=client.ask(f"{where}/event-destinations") if chosen else Answer({}),
    )


def _identity(client: AccountClient, domain: str) -> tuple[str, Answer]:
    """Return the identity of a domain, or of the nearest that it is a part of."""
    labels = domain.split(".")
    answer = Answer({}, "no domain is set", missing=True)
    for place in range(max(1, len(labels) - 1)):
        name = ".".join(labels[place:])
        answer = client.ask(f"/v2/email/identities/{quote(name, safe='')}")
        if not answer.missing:
            return name, answer
    # A server that is not Amazon SES also answers 404.
    known = ses_responses.error_name(answer.headers or {}, answer.said) == _NOT_FOUND
    return domain, answer if known else replace(answer, missing=False)


def _diagnose_key(account: Answer) -> Diagnosis:
    if not account.why:
        return ok(KEY, "the keys are valid")
    name = ses_responses.error_name(account.headers or {}, account.said)
    words = (text(account.said, "message") or text(account.said, "Message")).lower()
    if name in ses_responses.UNTIMELY or words.startswith(ses_responses.CLOCK):
        return failure(KEY, "the clock of this machine is wrong", "Set it by NTP")
    if name in ses_responses.EXPIRED:
        fix = "Get new temporary keys and set all three variables"
        return failure(KEY, "AWS_SESSION_TOKEN has expired", fix)
    if name in _WRONG_KEYS:
        fix = "Make an access key, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        return failure(KEY, f"AWS does not accept these keys ({name})", fix)
    if name == _DENIED:
        return ok(KEY, "the keys are valid, and may not see the account")
    return unknown(KEY, f"the keys could not be checked: {account.why}", base_account.AGAIN)


def _diagnose_domain(seen: _Seen, sender: str) -> Diagnosis:
    identity = seen.identity
    if sender == NO_DOMAIN:
        return base_account.without_domain(DOMAIN, sender)
    if identity.missing:
        fix = f"Add it {_IDENTITIES}, in the region {seen.region}"
        return failure(DOMAIN, f"there is no identity {sender} in {seen.region}", fix)
    if identity.why:
        look = f"Look {_IDENTITIES}: {sender} must be verified; {_RIGHTS}"
        return unseen(DOMAIN, identity, "the identity of the domain", look)
    return _unverified(seen) or ok(DOMAIN, f"{seen.name} is verified, and signed by DKIM")


def _unverified(seen: _Seen) -> Diagnosis | None:
    said = seen.identity.said
    fix = f"Put the records of {seen.name} into your DNS: {_IDENTITIES}"
    if said.get("VerifiedForSendingStatus") is not True:
        status = text(said, "VerificationStatus")
        records = [f"{one.kind} {one.name}" for one in _dkim_records(seen)]
        return base_account.unverified(seen.name, status, records, fix)
    status = text(said, "DkimAttributes", "Status")
    if at(said, "DkimAttributes", "SigningEnabled") is not True or status != _SUCCESS:
        why = shown(status) or "switched off"
        return failure(DOMAIN, f"letters from {seen.name} are not signed by DKIM ({why})", fix)
    mail_from = text(said, "MailFromAttributes", "MailFromDomain")
    if mail_from and text(said, "MailFromAttributes", "MailFromDomainStatus") in _FAILED:
        message = f"the records of the MAIL FROM domain {shown(mail_from)} are not seen"
        return warning(DOMAIN, message, fix)
    return None


def _diagnose_tracking(seen: _Seen) -> Diagnosis:
    """Return whether the account or the configuration set tracks: every request refuses it."""
    events = {
        name
        for one in seen.destinations.items("EventDestinations")
        if one.get("Enabled") is True
        for name in _events(one)
    }
    engagement = text(seen.set.said, "VdmOptions", "DashboardOptions", "EngagementMetrics") or text(
        seen.account.said, "VdmAttributes", "DashboardAttributes", "EngagementMetrics"
    )
    if engagement == "ENABLED":
        who = "the dashboard of the deliverability manager"
        return base_account.tracking(who, opens=True, clicks=True, off=_SETS)
    opens, clicks = "OPEN" in events, "CLICK" in events
    if opens or clicks:
        return base_account.tracking(f"the configuration set {seen.set_name}", opens, clicks, _SETS)
    hidden = next((one for one in (seen.destinations, seen.set, seen.account) if one.why), None)
    if hidden:
        look = f"Look {_SETS}, Event destinations: opens and clicks must be off; {_RIGHTS}"
        return unseen(TRACKING, hidden, "whether opens and clicks are tracked", look)
    return ok(TRACKING, "neither opens nor clicks are tracked")


def _diagnose_webhook(seen: _Seen, settings: Settings) -> Diagnosis:
    name, topics = seen.set_name, settings.credentials.get(EVENTS.secret, "")
    if not name:
        message = "there is no configuration set, so that no event is ever reported"
        fix = f"Make one {_SETS}, and name it in {_SET}"
        return (failure if topics else warning)(WEBHOOK, message, fix)
    if seen.destinations.missing:
        fix = f"Correct {_SET}, or make it {_SETS}"
        return failure(WEBHOOK, f"there is no configuration set {name} in {seen.region}", fix)
    if seen.destinations.why:
        look = f"Look {_NEEDS.look}; {_RIGHTS}"
        return unseen(WEBHOOK, seen.destinations, "the event destinations", look)
    return _diagnose_topics(seen, settings, topics)


def _diagnose_topics(seen: _Seen, settings: Settings, topics: str) -> Diagnosis:
    found = [one for one in seen.destinations.items("EventDestinations") if _topic(one)]
    ours = [one for one in found if not topics or _topic(one) in topics.split(",")]
    if found and not ours:
        message = f"{seen.set_name} reports to another topic than that of {EVENTS.secret}"
        return failure(WEBHOOK, message, f"Correct {EVENTS.secret}, or the topic {_SETS}")
    url = webhook_url(settings, EVENTS.name)
    return _NEEDS.diagnose(
        settings,
        [Endpoint(url, frozenset(_events(one)), one.get("Enabled") is True) for one in ours],
    )


def _topic(destination: Mapping[str, Any]) -> str:
    return text(destination, "SnsDestination", "TopicArn")


def _events(destination: Mapping[str, Any]) -> Iterator[str]:
    found = destination.get("MatchingEventTypes")
    return (one for one in found if isinstance(one, str)) if isinstance(found, list) else iter(())


def _diagnose_region(seen: _Seen) -> Diagnosis:
    place = f"{seen.region} ({REGIONS[seen.region]})"
    if text(seen.account.said, "DeliveryAttributes", "SharedPoolDeliveryMode") == "GLOBAL":
        message = f"letters of {place} may leave from any region of AWS, also outside Europe"
        fix = "Set the delivery mode REGIONAL: docs/providers.md has the command"
        return warning(REGION, message, fix)
    return ok(REGION, f"letters leave from {place}, in the European Union")


def _diagnose_limits(seen: _Seen, audience: int) -> Diagnosis:
    if seen.set.said and at(seen.set.said, "SendingOptions", "SendingEnabled") is False:
        message = f"the sending of the configuration set {seen.set_name} is paused"
        return failure(LIMITS, message, f"Resume it {_SETS}")
    if seen.account.why:
        look = f"Look {_CONSOLE} under Account dashboard at the quota; {_RIGHTS}"
        return unseen(LIMITS, seen.account, "what the account may send", look)
    return _blocked(seen.account.said) or _quota(seen.account.said, audience)


def _blocked(account: Mapping[str, Any]) -> Diagnosis | None:
    """Return why the account mails nobody, or soon may not; None if nothing is known of that."""
    dashboard = f"See {_CONSOLE} under Account dashboard why, and answer the case"
    status = text(account, "EnforcementStatus")
    if status == "SHUTDOWN" or account.get("SendingEnabled") is False:
        return failure(LIMITS, "the sending of the account is paused", dashboard)
    if account.get("ProductionAccessEnabled") is False:
        message = "the account is in its sandbox, where only verified addresses are mailed"
        return failure(LIMITS, message, "Ask AWS for production access: it takes a day or more")
    if status == "PROBATION":
        message = "AWS has put the account under review, for its bounces or complaints"
        return warning(LIMITS, message, dashboard)
    return None


def _quota(account: Mapping[str, Any], audience: int) -> Diagnosis:
    most = base_account.whole(at(account, "SendQuota", "Max24HourSend"))
    if most is None:
        message = "Amazon SES does not say how many letters the account may send"
        return unknown(LIMITS, message, f"Look {_CONSOLE} under Account dashboard")
    more = "Ask AWS for a larger quota: a letter to everyone then takes a day less"
    return base_account.limits(audience, None if most < 0 else most, "in 24 hours", more)


def _records(seen: _Seen) -> tuple[tuple[DnsRecord, ...], tuple[str, ...]]:
    """Return the records that letters need, and the selectors of DKIM."""
    return (*_dkim_records(seen), *_mail_from_records(seen)), tuple(_tokens(seen))


def _tokens(seen: _Seen) -> Sequence[str]:
    found = at(seen.identity.said, "DkimAttributes", "Tokens")
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _dkim_records(seen: _Seen) -> Sequence[DnsRecord]:
    """Return where the keys of Amazon SES are; a key of the domain's own is in no answer."""
    if text(seen.identity.said, "DkimAttributes", "SigningAttributesOrigin") == _OWN_KEY:
        return ()
    zone = text(seen.identity.said, "DkimAttributes", "SigningHostedZone") or _DKIM_ZONE
    return [
        DnsRecord(f"{token}._domainkey.{seen.name}", "CNAME", f"{token}.{zone}")
        for token in _tokens(seen)
    ]


def _mail_from_records(seen: _Seen) -> Sequence[DnsRecord]:
    name = text(seen.identity.said, "MailFromAttributes", "MailFromDomain")
    if not name or seen.region.startswith("eusc-"):  # whose records are documented nowhere
        return ()
    return (
        DnsRecord(name, "MX", f"10 feedback-smtp.{seen.region}.amazonses.com"),
        DnsRecord(name, "TXT", "v=spf1 include:amazonses.com ~all"),
    )
