"""What Amazon SES's responses mean for each letter of a request.

Errors: https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html and those of each
operation. Results of a bulk request:
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_BulkEmailEntryResult.html, where some
statuses have another name than in the model of the API.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from newsletter.model import Accepted, RecipientRejected, RequestRefused, RetryLater, Unknown
from newsletter.providers import responses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.model import Outcome
    from newsletter.providers.http import Failure, HttpResponse

_CLOSED: Final = "has shut this account down"
_PAUSED: Final = "has paused the sending of this account or configuration set"
_SENDER: Final = "has not verified the sender, or its MAIL FROM domain"
_NO_SET: Final = "has no such configuration set: is SES_CONFIGURATION_SET right?"
_ACCOUNT: Final = {
    **dict.fromkeys(("AccountSuspendedException", "ACCOUNT_SUSPENDED"), _CLOSED),
    "SendingPausedException": _PAUSED,
    **dict.fromkeys(("ACCOUNT_SENDING_PAUSED", "CONFIGURATION_SET_SENDING_PAUSED"), _PAUSED),
    "MailFromDomainNotVerifiedException": _SENDER,
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": _SENDER,
    "NotFoundException": _NO_SET,
    **dict.fromkeys(("CONFIGURATION_SET_NOT_FOUND", "CONFIGURATION_SET_DOES_NOT_EXIST"), _NO_SET),
    "INVALID_SENDING_POOL_NAME": "has no such pool of addresses: look at the configuration set",
    **dict.fromkeys(("TEMPLATE_NOT_FOUND", "TEMPLATE_DOES_NOT_EXIST"), "has no such template"),
}
_LATER: Final = frozenset(
    {
        *("TooManyRequestsException", "ThrottlingException", "Throttling"),
        # "Retry any messages with a failure status": these were not taken.
        *("ACCOUNT_THROTTLED", "TRANSIENT_FAILURE"),
    }
)
_QUOTA: Final = frozenset({"LimitExceededException", "ACCOUNT_DAILY_QUOTA_EXCEEDED"})
# The quota covers the last 24 hours: no running command should wait for it.
_AN_HOUR: Final = 3600.0
_OF_THE_LETTER: Final = frozenset({"FAILED", "INVALID_PARAMETER", "MESSAGE_REJECTED"})
EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException"})
UNTIMELY: Final = frozenset({"RequestExpired", "RequestTimeTooSkewed"})
CLOCK: Final = ("signature expired", "signature not yet current")
_UNVERIFIED: Final = "address is not verified"
_OUR_FAULT: Final = range(400, 500)
_WORD: Final = re.compile(r"[A-Za-z_]{1,60}")
_UNMAPPED: Final = Unknown("the answer of Amazon SES does not say what became of each letter")


@dataclass(frozen=True, slots=True)
class Context:
    """What is needed of a request to read its response.

    Attributes:
        hide: What a response may echo, and must not be shown.
        sender: The sender's domain.
    """

    hide: set[str]
    sender: str


@dataclass(frozen=True, slots=True)
class _Error:
    """An error in the words of Amazon SES.

    Attributes:
        word: The name of an error, or the status of an entry; empty if it is malformed.
        plain: Its explanation in lower case, never to be shown.
        quote: Both, as they may be shown.
    """

    word: str
    plain: str
    quote: str

    @classmethod
    def of(cls, word: object, explanation: object, context: Context) -> _Error:
        word = word if isinstance(word, str) and _WORD.fullmatch(word) else ""
        quote = ": ".join(filter(None, (word, responses.quote(explanation, context.hide))))
        return cls(word, explanation.lower() if isinstance(explanation, str) else "", quote)

    @property
    def because(self) -> str:
        """The end of a reason."""
        return f" ({self.quote})" if self.quote else ""


def failure(response: HttpResponse, context: Context) -> Failure | None:
    """Return what a response means for the whole request, or None if it has an outcome for each."""
    content = responses.content(response)
    explanation = content.get("message", content.get("Message"))
    said = _Error.of(error_name(response.headers, content), explanation, context)
    meaning = None
    if response.status in _OUR_FAULT:
        meaning = _account(said, context) or _signature(said)
    if isinstance(meaning, RetryLater) and meaning.after is None:
        return RetryLater(meaning.reason, responses.wait(response.headers))
    return meaning or responses.failure_of(response, said.quote)


def one(response: HttpResponse) -> Outcome:
    """Return the outcome of the one letter of an accepted request."""
    found = responses.name(responses.content(response).get("MessageId"))
    return Accepted(found) if found else Unknown("the answer of Amazon SES names no letter")


def many(response: HttpResponse, count: int, context: Context) -> tuple[Sequence[Outcome], int]:
    """Map the results in a response to the letters of its request by their places.

    Unless there are exactly as many, each accepted one with an id of its own, a result cannot be
    assigned to a letter: then all of them are unknown.

    Returns:
        The outcomes, and how many more letters it reports as accepted than there were.
    """
    results = responses.objects(responses.content(response).get("BulkEmailEntryResults"))
    accepted = [result.get("MessageId") for result in results if result.get("Status") == "SUCCESS"]
    if len(results) != count or len(set(map(str, accepted))) != len(accepted):
        return [_UNMAPPED] * count, max(0, len(accepted) - count)
    # An error of all of them is an error of the letter, unless one is accepted.
    (status, *others) = {str(result.get("Status")) for result in results}
    shared = status in _OF_THE_LETTER and not others
    return [_outcome(result, context, shared=shared) for result in results], 0


def _outcome(result: Mapping[str, Any], context: Context, *, shared: bool) -> Outcome:
    found = responses.name(result.get("MessageId"))
    said = _Error.of(result.get("Status"), result.get("Error"), context)
    if found or said.word == "SUCCESS":
        contradiction = Unknown(f"Amazon SES contradicts itself about this letter{said.because}")
        return Accepted(found) if found and said.word == "SUCCESS" else contradiction
    if meaning := _account(said, context):
        return meaning
    reason = f"Amazon SES refuses it{said.because}"
    if said.word not in _OF_THE_LETTER:
        return Unknown(f"Amazon SES has an unknown status for this letter{said.because}")
    return RequestRefused(reason, divisible=True) if shared else RecipientRejected(reason)


def _account(said: _Error, context: Context) -> RetryLater | RequestRefused | None:
    """Return what concerns the account or its limits, and not one recipient."""
    if said.word in _QUOTA or (said.word in _LATER and "daily message quota" in said.plain):
        reason = f"the quota of the Amazon SES account is used up{said.because}"
        return RetryLater(reason, _AN_HOUR)
    if said.word in _LATER:
        return RetryLater(f"Amazon SES accepts nothing now{said.because}")
    if said.word in _ACCOUNT:
        return RequestRefused(f"Amazon SES {_ACCOUNT[said.word]}{said.because}")
    if _UNVERIFIED not in said.plain:
        return None
    if context.sender.lower() in said.plain:
        return RequestRefused("Amazon SES has not verified the sender's domain in this region")
    return RequestRefused(
        "the Amazon SES account is in its sandbox, where only verified addresses are mailed: "
        "ask AWS for production access"
    )


def _signature(said: _Error) -> RetryLater | RequestRefused | None:
    """Return what is wrong with the time at which a request was signed."""
    if said.word in EXPIRED:
        # Temporary keys, such as those of a scheduled job, are new in the next run.
        return RetryLater(f"AWS_SESSION_TOKEN has expired{said.because}", _AN_HOUR)
    if said.word in UNTIMELY or said.plain.startswith(CLOCK):
        return RequestRefused(f"the clock of this machine is wrong{said.because}")
    return None


def error_name(headers: Mapping[str, str], content: Mapping[str, Any]) -> str:
    """Return the name of an error, which may be in "prefix#Name:url".

    https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
    """
    found = headers.get("x-amzn-errortype") or content.get("__type") or content.get("code")
    return found.partition(":")[0].rpartition("#")[2] if isinstance(found, str) else ""
