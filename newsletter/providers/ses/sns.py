"""Amazon SNS, which delivers the events of Amazon SES: verifies its messages.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html says what is signed
and how. A genuine message names one of our topics, whose name is not public, and the certificate
that matches its signature comes from the region of that topic.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from newsletter.errors import NewsletterError
from newsletter.providers import webhooks
from newsletter.providers.base_events import InvalidSignature
from newsletter.providers.webhooks import text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from newsletter.providers.base_events import WebhookRequest

Fetch: TypeAlias = "Callable[[str], bytes]"
"""Returns what is at an address, empty if it cannot be fetched."""

_TOPIC: Final = re.compile(
    r"arn:(aws|aws-eusc):sns:([a-z]{2,5}(?:-[a-z]+)+-\d):\d{12}:[\w-]{1,256}"
)
_CLOUDS: Final = {"aws": "amazonaws.com", "aws-eusc": "amazonaws.eu"}
_CERTIFICATE: Final = re.compile(r"/SimpleNotificationService-[0-9a-zA-Z]{1,64}\.pem")
_SIGNED: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SIGNED_OF_A_CONFIRMATION: Final = (
    *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
)
CONFIRMATION: Final = "SubscriptionConfirmation"
_FIELDS: Final = {
    "Notification": _SIGNED,
    CONFIRMATION: _SIGNED_OF_A_CONFIRMATION,
    "UnsubscribeConfirmation": _SIGNED_OF_A_CONFIRMATION,
}
# The first version is SHA-1, the default of a topic.
_HASHES: Final[Mapping[str, Callable[[], hashes.HashAlgorithm]]] = {
    "1": hashes.SHA1,
    "2": hashes.SHA256,
}
_MOST_CERTIFICATES: Final = 8
_MOST_FAILURES: Final = 8
_MINUTE: Final = 60.0


class Topics:
    """Our topics, and the certificates that sign for them.

    Args:
        arns: Their names, as Amazon writes them.
        fetch: Fetches a certificate, and confirms a subscription.

    Raises:
        NewsletterError: One of them is no topic.
    """

    def __init__(self, arns: Sequence[str], fetch: Fetch, *, where: str) -> None:
        for arn in arns:
            if not _TOPIC.fullmatch(arn):
                raise NewsletterError(
                    f"{where} is not a topic of Amazon SNS",
                    hint="Copy its ARN, which looks like arn:aws:sns:eu-west-1:123456789012:name",
                )
        self._arns = arns
        self._fetch = fetch
        self._keys: dict[str, rsa.RSAPublicKey] = {}
        self._failed: deque[float] = deque()
        self._lock = threading.Lock()

    def check(self, request: WebhookRequest) -> tuple[str, object]:
        """Return name and JSON of a genuine message; confirm a subscription to a topic of ours."""
        # The JSON of a message without a topic of ours is not parsed.
        if not any(arn.encode() in request.body for arn in self._arns):
            raise InvalidSignature(webhooks.NO_SIGNATURE)
        said = webhooks.decoded(request.body)
        host = self._host(text(said, "TopicArn"))
        fields = _FIELDS.get(text(said, "Type"), ())
        if not host or not fields:
            raise InvalidSignature(webhooks.NO_SIGNATURE)
        moment = webhooks.moment(said.get("Timestamp"))
        webhooks.check_time(
            request, moment.timestamp() if moment else 0.0, within=webhooks.RETRY_WINDOW
        )
        signed = "".join(f"{name}\n{found}\n" for name in fields if (found := text(said, name)))
        if not self._verified(said, host, signed.encode()):
            raise InvalidSignature(webhooks.NO_SIGNATURE)
        if text(said, "Type") == CONFIRMATION:
            self._confirm(text(said, "SubscribeURL"), host)
        return webhooks.name(text(said, "MessageId"), request), said

    def _host(self, arn: str) -> str:
        """Return the host that signs for a topic, or nothing if it is not ours."""
        found = _TOPIC.fullmatch(arn)
        return f"sns.{found[2]}.{_CLOUDS[found[1]]}" if found and arn in self._arns else ""

    def _verified(self, said: dict[str, Any], host: str, signed: bytes) -> bool:
        algorithm = _HASHES.get(text(said, "SignatureVersion"))
        key = self._key(text(said, "SigningCertURL"), host) if algorithm else None
        if not algorithm or not key:
            return False
        try:
            signature = base64.b64decode(text(said, "Signature"), validate=True)
            key.verify(signature, signed, padding.PKCS1v15(), algorithm())
        except (exceptions.InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    def _key(self, url: str, host: str) -> rsa.RSAPublicKey | None:
        """Return the key of a certificate, fetched once; None if it cannot be trusted."""
        if not _is_at(url, host) or not _CERTIFICATE.fullmatch(urlsplit(url).path):
            return None
        if key := self._keys.get(url):
            return key
        with self._lock:
            if url not in self._keys and self._may_fetch() and (key := _read(self._fetch(url))):
                if len(self._keys) >= _MOST_CERTIFICATES:
                    self._keys.clear()
                self._keys[url] = key
                self._failed.clear()
            return self._keys.get(url)

    def _may_fetch(self) -> bool:
        """Return whether another certificate may be fetched, and count it.

        A stranger who knows the topic could name a missing certificate in each message.

        Raises:
            InvalidSignature: Too many could not be fetched in the last minute; Amazon tries again.
        """
        now = time.monotonic()
        while self._failed and self._failed[0] < now - _MINUTE:
            self._failed.popleft()
        if len(self._failed) >= _MOST_FAILURES:
            raise InvalidSignature("too many certificates could not be had", 503)
        self._failed.append(now)
        return True

    def _confirm(self, url: str, host: str) -> None:
        if not _is_at(url, host) or not self._fetch(url):
            raise InvalidSignature("the subscription could not be confirmed", 503)


def _is_at(url: str, host: str) -> bool:
    """Return whether a URL is of exactly this host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and parts.netloc == host and url.isascii()


def _read(pem: bytes) -> rsa.RSAPublicKey | None:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
    except ValueError:
        return None
    now = datetime.now(UTC)
    valid = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    return key if valid and isinstance(key, rsa.RSAPublicKey) else None
