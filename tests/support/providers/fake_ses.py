"""A stand-in for Amazon SES with a ledger of its own, and with every fault a network can have.

It holds every request against the model of the API that botocore carries, computes its signature
again, and keeps the limits that are documented: fifty recipients, fifteen headers, their lengths. A
template is filled in as Amazon SES does it: `{{name}}` alone, nothing escaped, every other pair of
braces refused, and a letter whose variable is missing is accepted and never sent: its reference
is in `unrendered`. `fake_server.py` says how to use it; `--require-key` is the secret key, and
`--fast` finds addresses and references without reading anything.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import threading
import time
import uuid
from dataclasses import dataclass
from email.utils import formatdate, parseaddr
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.credentials import Credentials
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from newsletter.providers.http import HttpClient
from newsletter.providers.ses.client import Account
from newsletter.providers.ses.send import Ses, SesBulk
from tests.support.providers import fake_server, ses_requests
from tests.support.providers.case import Case
from tests.support.providers.fake_account_ses import SETS, SesResources
from tests.support.providers.fake_server import FakeServer, Fault, Request, error, faults, run, seen
from tests.support.providers.sigv4 import KEY_ID, MINE, REGION, SECRET, Refusal, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

MOST = 50
SINGLE, BULK = "/v2/email/outbound-emails", "/v2/email/outbound-bulk-emails"
ACCOUNT = "/v2/email/account"
SUPPRESSED = "/v2/email/suppression/addresses"
VARIABLE = re.compile(r"\{\{([A-Za-z]+)\}\}")
# What would be read as braces by an engine that knows more than plain variables; a null byte
# is where a variable was.
OTHER_BRACES = re.compile(r"\{\{|\}\}|[{}\\]\0|\0[{}]")
found = functools.partial(fake_server.found, to=b'"ToAddresses":["', ref=b'"delivery","Value":"')
DISALLOWED = (
    *("bcc", "cc", "content-disposition", "content-type", "date", "from", "message-id"),
    *("mime-version", "reply-to", "return-path", "subject", "to"),
)
UNVERIFIED = "Email address is not verified. The following identities failed the check in region "


def aws(status: int, name: str, message: str = "it is so", **more: Any) -> Fault:  # noqa: ANN401 - see Fault
    """Return the fault of answering with an error that is named in a header, as AWS does."""
    headers = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/"}
    body = json.dumps({"message": message}).encode()
    return Fault(status=status, body=body, headers=headers, **more)


FAULTS: Mapping[str, Fault] = {
    **faults(
        {
            400: "BadRequestException",
            401: "MissingAuthenticationTokenException",
            403: "AccessDeniedException",
            413: "RequestEntityTooLargeException",
            422: "BadRequestException",
            429: "TooManyRequestsException",
            500: "InternalFailure",
            503: "ServiceUnavailable",
        }
    ),
    "rate": aws(429, "TooManyRequestsException", "Maximum sending rate exceeded."),
    "rate-400": error(400, "ThrottlingException", message="Maximum sending rate exceeded."),
    "rate-500": error(500, "ThrottlingException", message="Maximum sending rate exceeded."),
    "day": aws(429, "TooManyRequestsException", "Daily message quota exceeded."),
    "day-400": error(400, "ThrottlingException", message="Daily message quota exceeded"),
    "limit": error(400, "LimitExceededException"),
    "suspended": error(400, "AccountSuspendedException"),
    "paused": aws(400, "SendingPausedException"),
    "no-mail-from": error(400, "MailFromDomainNotVerifiedException"),
    "no-set": error(404, "NotFoundException", message="Configuration set <x> does not exist."),
    "rejected": error(400, "MessageRejected", message="The message contains a virus."),
    "bad-request": aws(400, "BadRequestException"),
    "expired": error(403, "ExpiredTokenException"),
    "unknown-key": error(403, "UnrecognizedClientException"),
    "bad-key": error(403, "InvalidClientTokenId"),
    "bad-signature": error(403, "SignatureDoesNotMatch", message=MINE),
    "slow-clock": error(
        403, "InvalidSignatureException", message="Signature expired: 20261129T060012Z is now e…"
    ),
    "fast-clock": error(
        403, "SignatureDoesNotMatch", message="Signature not yet current: 20261129T060012Z is s…"
    ),
    "skewed": error(403, "RequestTimeTooSkewed"),
}


@dataclass
class Entry:
    """A letter of a request: as it would reach its subscriber, if Amazon SES takes it."""

    to: str
    ref: str
    headers: list[tuple[str, str]]
    subject: str
    html: str
    text: str


class FakeSes(FakeServer):
    """A stand-in for an account at Amazon SES.

    Its account is out of the sandbox, without limits, and may send from `example.org` and all parts
    of it; a test changes `account`, `verified` and `sandbox`. `statuses` holds what an entry of a
    bulk request gets instead of being taken, by its address: a status, and the words for it.
    """

    FAULTS: ClassVar[Mapping[str, Fault]] = FAULTS

    def __init__(self, ledger: Path, **more: Any) -> None:  # noqa: ANN401 - see StandIn
        super().__init__(ledger, **more)
        self._one_at_a_time = threading.Lock()
        self.token = ""
        self.verified = {"example.org"}
        self.sandbox = False
        self.may_ask = True
        self.resources = SesResources()
        self.statuses: dict[str, tuple[str, str]] = {}
        self.unrendered: list[str] = []
        self.account: dict[str, Any] = {
            "EnforcementStatus": "HEALTHY",
            "ProductionAccessEnabled": True,
            "SendingEnabled": True,
            "SendQuota": {"Max24HourSend": -1.0, "MaxSendRate": 2000.0, "SentLast24Hours": 0.0},
        }

    def error(self, fault: Fault) -> bytes:
        return json.dumps({"__type": fault.name, "message": fault.message}).encode()

    def relist(self, said: bytes, change: Callable[[list[Any]], list[Any]]) -> bytes:
        answer = json.loads(said)
        key = "BulkEmailEntryResults"
        return json.dumps(answer | {key: change(answer[key])}).encode()

    def respond(self, request: Request) -> tuple[int, bytes]:
        """Answer a request as Amazon SES does; return status and body."""
        try:
            said = self._answer(request)
        except Refusal as refusal:
            return refusal.fault.status, self.error(refusal.fault)
        return 200, json.dumps(said).encode()

    def _answer(self, request: Request) -> Mapping[str, Any]:
        path = request.path.removeprefix(self.base)
        if path.startswith(f"{SUPPRESSED}?"):
            verify(request, f"http://127.0.0.1:{self.port}", self.key or SECRET, self.token)
            return {"SuppressedDestinationSummaries": []}
        if request.method == "GET" and path.startswith(("/v2/email/identities/", SETS)):
            verify(request, f"http://127.0.0.1:{self.port}", self.key or SECRET, self.token)
            return self.resources.answer(path)
        if not request.path.startswith(self.base) or path not in {*(SINGLE, BULK), ACCOUNT}:
            raise Refusal(404, "UnknownOperationException")
        if not self.fast or self.key:
            verify(request, f"http://127.0.0.1:{self.port}", self.key or SECRET, self.token)
        if path == ACCOUNT:
            if not self.may_ask:
                raise Refusal(403, "AccessDeniedException")
            return self.account
        if self.latency:
            time.sleep(self.latency)
        if self.fast:
            return self._fast(request.body, bulk=path == BULK)
        asked = json.loads(request.body)
        operation = "SendBulkEmail" if path == BULK else "SendEmail"
        report = ParamValidator().validate(asked, model().operation_model(operation).input_shape)
        if report.has_errors():
            raise Refusal(400, "BadRequestException", report.generate_report())
        with self._one_at_a_time:
            self._refuse_sender(asked["FromEmailAddress"])
            return self._bulk(asked, len(request.body)) if path == BULK else self._single(asked)

    def _single(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        simple = asked["Content"]["Simple"]
        entry = Entry(
            to=only(asked["Destination"]["ToAddresses"]),
            ref=tagged(asked["EmailTags"]),
            headers=checked(simple["Headers"]),
            subject=simple["Subject"]["Data"],
            html=simple["Body"].get("Html", {"Data": ""})["Data"],
            text=simple["Body"]["Text"]["Data"],
        )
        status, reported = self._status(entry.to)
        if status == "ACCOUNT_DAILY_QUOTA_EXCEEDED":
            raise Refusal(429, "TooManyRequestsException", reported)
        if status != "SUCCESS":
            name = {"MESSAGE_REJECTED": "MessageRejected"}.get(status, "BadRequestException")
            raise Refusal(400, name, reported)
        return {"MessageId": self._take(asked, [entry])[0]}

    def _bulk(self, asked: Mapping[str, Any], size: int) -> Mapping[str, Any]:
        entries = asked["BulkEmailEntries"]
        template = asked["DefaultContent"]["Template"]
        parts = template["TemplateContent"]
        if not 1 <= len(entries) <= MOST or size > 1_000_000:
            raise Refusal(400, "BadRequestException", "too many destinations, or too large")
        if any(OTHER_BRACES.search(VARIABLE.sub("\0", part)) for part in parts.values()):
            raise Refusal(400, "BadRequestException", "Template contains unsupported operations.")
        results: list[dict[str, str]] = []
        for one in entries:
            to, ref = only(one["Destination"]["ToAddresses"]), tagged(one["ReplacementTags"])
            headers = checked([*template.get("Headers", []), *one["ReplacementHeaders"]])
            given = one["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"]
            data = json.loads(given) or json.loads(template["TemplateData"])
            status, reported = self._status(to)
            if status != "SUCCESS":
                results.append({"Status": status, "Error": reported})
                continue
            id_ = str(uuid.uuid4())
            if any(set(VARIABLE.findall(part)) - set(data) for part in parts.values()):
                self.unrendered.append(ref)
            else:
                filled = {name.lower(): fill(part, data) for name, part in parts.items()}
                entry = Entry(to, ref, list(dict(headers).items()), **{"html": "", **filled})
                id_ = self._take(asked, [entry])[0]
            results.append({"Status": status, "MessageId": id_})
        return {"BulkEmailEntryResults": results}

    def _status(self, to: str) -> tuple[str, str]:
        """Return what becomes of a letter to an address, in the words of a bulk request."""
        if to in self.statuses:
            return self.statuses[to]
        quota = self.account["SendQuota"]
        if 0 <= quota["Max24HourSend"] <= quota["SentLast24Hours"]:
            return "ACCOUNT_DAILY_QUOTA_EXCEEDED", "Daily message quota exceeded."
        if not to.isascii() or to.count("@") != 1 or to.startswith("refused"):
            return "INVALID_PARAMETER", f"Local address is not valid: {to}"
        if self.sandbox and not self._knows(to):
            return "MESSAGE_REJECTED", f"{UNVERIFIED}{REGION.upper()}: {to}"
        return "SUCCESS", ""

    def _refuse_sender(self, sender: str) -> None:
        address = parseaddr(sender)[1]
        if not sender.isascii() or "\n" in sender:
            raise Refusal(400, "BadRequestException", "Illegal address")
        if not self._knows(address):
            raise Refusal(400, "MessageRejected", f"{UNVERIFIED}{REGION.upper()}: {sender}")

    def _knows(self, address: str) -> bool:
        """Say whether an address is at a domain that is verified, or at a part of one."""
        domain = f".{address.partition('@')[2]}"
        return any(domain.endswith(f".{known}") for known in self.verified)

    def _take(self, asked: Mapping[str, Any], entries: list[Entry]) -> list[str]:
        """Note letters that are taken, with what their subscribers find; return their names."""
        ids = [f"{uuid.uuid4()}-000000" for _ in entries]
        noted = []
        for entry, id_ in zip(entries, ids, strict=True):
            headers = [
                ("From", asked["FromEmailAddress"]),
                ("To", entry.to),
                *(("Reply-To", one) for one in asked.get("ReplyToAddresses", [])),
                ("Subject", entry.subject),
                ("Date", formatdate(usegmt=True)),
                ("Message-ID", f"<{id_}@{REGION}.amazonses.com>"),
                *entry.headers,
            ]
            message = {"message": seen(headers, entry.html, entry.text)} if self.keep else {}
            noted.append({"to": entry.to, "ref": entry.ref, "id": id_, **message})
        self.account["SendQuota"]["SentLast24Hours"] += len(noted)
        self.note(noted)
        return ids

    def _fast(self, body: bytes, *, bulk: bool) -> Mapping[str, Any]:
        taken = [{"to": to, "ref": ref, "id": str(uuid.uuid4())} for to, ref in found(body)]
        with self._one_at_a_time:
            self.note(taken)
        if not bulk:
            return {"MessageId": taken[0]["id"]}
        results = [{"Status": "SUCCESS", "MessageId": one["id"]} for one in taken]
        return {"BulkEmailEntryResults": results}


@functools.cache
def model() -> ServiceModel:
    """Return what AWS itself says its API takes."""
    return ServiceModel(Loader().load_service_model("sesv2", "service-2"), "sesv2")


def checked(headers: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Return headers that Amazon SES takes.

    Raises:
        Refusal: It would not.
    """
    for header in headers:
        name, value = header["Name"], header["Value"]
        good = re.fullmatch(r"[!-9;-@A-~]{1,126}", name) and re.fullmatch(r"[ -~]{1,995}", value)
        if not good or len(name) + len(value) > 996 or name.lower() in DISALLOWED:
            raise Refusal(400, "BadRequestException", f"Invalid header <{name}>.")
    if len(headers) > 15:
        raise Refusal(400, "BadRequestException", "Too many headers.")
    return [(header["Name"], header["Value"]) for header in headers]


def tagged(tags: list[dict[str, str]]) -> str:
    """Return the reference of a delivery; tags hold letters, digits, `_` and `-`, up to 256."""
    for tag in tags:
        if not all(re.fullmatch(r"[A-Za-z0-9_-]{1,256}", text) for text in tag.values()):
            raise Refusal(400, "BadRequestException", "Invalid tag.")
    return next(tag["Value"] for tag in tags if tag["Name"] == "delivery")


def only(addresses: list[str]) -> str:
    """Return the one address of a destination: the others of it would see each other."""
    (address,) = addresses
    return address


def fill(part: str, data: Mapping[str, str]) -> str:
    return VARIABLE.sub(lambda name: data[name[1]], part)


def _ses(url: str, deadline: float) -> Ses:
    return Ses(Account(Credentials(KEY_ID, SECRET), REGION, url, HttpClient(deadline=deadline)))


SES = Case(
    name="ses",
    fake=FakeSes,
    can=Ses.capabilities,
    environment={
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
    },
    open=_ses,
    plain=ses_requests.single,
)
SES_BULK = dataclasses.replace(
    SES,
    name="ses_bulk",
    can=SesBulk.capabilities,
    open=lambda url, deadline: _ses(url, deadline).for_audience(5001),
    audience=5001,
    plain=None,
)

CASES = (SES, SES_BULK)


if __name__ == "__main__":
    run(FakeSes)
