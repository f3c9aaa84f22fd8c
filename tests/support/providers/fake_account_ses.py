"""What the fake of Amazon SES knows besides its account: identities and configuration sets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.support.providers.fake_accounts import CONFIGURATION_SET, DOMAIN
from tests.support.providers.sigv4 import Refusal
from tests.support.providers.sns import TOPIC

if TYPE_CHECKING:
    from collections.abc import Mapping

SETS = "/v2/email/configuration-sets/"
PATHS = re.compile(
    r"/v2/email/(?:identities/([^/]+)|configuration-sets/([^/]+)(/event-destinations)?)"
)
EVENTS = (
    *("SEND", "REJECT", "DELIVERY", "BOUNCE", "COMPLAINT"),
    *("DELIVERY_DELAY", "RENDERING_FAILURE"),
)
TOKENS = ("abc2defg3hij4klm", "nop5qrst6uvw7xyz", "abc7defg6hij5klm")


class SesResources:
    """The identity of a domain, and a configuration set that reports to the topic of the tests."""

    def __init__(self) -> None:
        self.identities = {DOMAIN: ses_identity()}
        self.sets: dict[str, dict[str, Any]] = {
            CONFIGURATION_SET: {
                "ConfigurationSetName": CONFIGURATION_SET,
                "SendingOptions": {"SendingEnabled": True},
            }
        }
        self.destinations: dict[str, list[dict[str, Any]]] = {
            CONFIGURATION_SET: [ses_destination()]
        }
        self.may_see = True

    def answer(self, path: str) -> Mapping[str, Any]:
        """Return what is at a path.

        Raises:
            Refusal: Nothing is, or these keys may not see it.
        """
        if not self.may_see:
            words = "User: arn:aws:iam::123456789012:user/n is not authorized to perform: ses:Get"
            raise Refusal(403, "AccessDeniedException", words)
        found = PATHS.fullmatch(path)
        if not found:
            raise Refusal(404, "UnknownOperationException")
        identity, name = unquote(found[1] or ""), unquote(found[2] or "")
        if identity in self.identities:
            return self.identities[identity]
        if name not in self.sets:
            raise Refusal(404, "NotFoundException", f"{identity or name} does not exist.")
        return {"EventDestinations": self.destinations[name]} if found[3] else self.sets[name]


def ses_identity(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a domain that is verified, and signed with keys of Amazon SES."""
    return {
        "IdentityType": "DOMAIN",
        "FeedbackForwardingStatus": True,
        "VerifiedForSendingStatus": True,
        "VerificationStatus": "SUCCESS",
        "DkimAttributes": {
            "SigningEnabled": True,
            "Status": "SUCCESS",
            "Tokens": list(TOKENS),
            "SigningAttributesOrigin": "AWS_SES",
        },
        "MailFromAttributes": {
            "MailFromDomain": f"bounce.{DOMAIN}",
            "MailFromDomainStatus": "SUCCESS",
            "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
        },
    } | more


def ses_destination(topic: str = TOPIC, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return where a configuration set reports to: a topic, of all that it must."""
    return {
        "Name": "newsletter",
        "Enabled": True,
        "MatchingEventTypes": list(EVENTS),
        "SnsDestination": {"TopicArn": topic},
    } | more
