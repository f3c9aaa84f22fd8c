"""Amazon SNS as a test sees it: a certificate of its own, and messages that it signs."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from tests.support.providers.webhooks import ReportedEvent, Sender

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Self

TOPIC = "arn:aws:sns:eu-west-1:123456789012:letters"
HOST = "sns.eu-west-1.amazonaws.com"
CERTIFICATE = f"https://{HOST}/SimpleNotificationService-{'0f' * 16}.pem"
HASHES: Mapping[str, Callable[[], hashes.HashAlgorithm]] = {
    "1": hashes.SHA1,
    "2": hashes.SHA256,
}
SES_WORDS = {
    "accepted": "Send",
    "deferred": "DeliveryDelay",
    "delivered": "Delivery",
    "failed": "Rendering Failure",
    "suppressed": "Complaint",
    "soft bounce": "Bounce",
    "hard bounce": "Bounce",
    "unsubscribe": "Subscription",
    "complaint": "Complaint",
}
# The fields that are signed, by the type of a message: see "Verifying the signatures" in its guide.
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
}


class Signer:
    """A sender with a key and its certificate that pretends to be Amazon SNS."""

    def __init__(self, *, valid_until: datetime | None = None) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        end = valid_until or datetime.now(UTC) + timedelta(days=300)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - timedelta(days=400))
            .not_valid_after(end)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)

    def message(self, *, version: str = "2", **fields: str) -> dict[str, Any]:
        """Return a message with these fields, signed in a version."""
        fields = {
            "Type": "Notification",
            "MessageId": secrets.token_hex(16),
            "TopicArn": TOPIC,
            "Message": "{}",
            "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds")[:23] + "Z",
            "SignatureVersion": version,
            "SigningCertURL": CERTIFICATE,
        } | fields
        names = [name for name in SIGNED[fields["Type"]] if name in fields]
        text = "".join(f"{name}\n{fields[name]}\n" for name in names)
        made = self._key.sign(text.encode(), padding.PKCS1v15(), HASHES[version]())
        return fields | {"Signature": base64.b64encode(made).decode()}


def say_ses(reported: ReportedEvent) -> dict[str, Any]:
    mail: dict[str, Any] = {
        "timestamp": reported.iso,
        "source": "gerrit@example.org",
        "messageId": reported.provider_id or f"id-{reported.ref}",
        "destination": [reported.email],
        "tags": {"ses:configuration-set": ["letters"]},
    }
    if reported.ref:
        mail["tags"]["delivery"] = [reported.ref]
    word = SES_WORDS.get(reported.kind, reported.kind)
    own: dict[str, Any] = {"timestamp": reported.iso}
    if word == "Bounce":
        hard = reported.kind == "hard bounce"
        own |= {
            "bounceType": "Permanent" if hard else "Transient",
            "bounceSubType": "NoEmail" if hard else "MailboxFull",
            "bouncedRecipients": [
                {
                    "emailAddress": reported.email,
                    "diagnosticCode": f"smtp; 550 <{reported.email}> unknown",
                }
            ],
        }
    if word == "Complaint":
        sub_type = "OnAccountSuppressionList" if reported.kind == "suppressed" else None
        own |= {"complainedRecipients": [{"emailAddress": reported.email}]}
        own |= {"complaintSubType": sub_type}
    if word == "Rendering Failure":
        own = {"errorMessage": "Attribute 'greeting' is not present", "templateName": ""}
    name = {"Rendering Failure": "failure", "DeliveryDelay": "deliveryDelay"}.get(
        word, word.lower()
    )
    return {"eventType": word, "mail": mail, name: own if word != "Send" else {}}


def ses(signer: Signer, version: str = "2") -> Sender:
    """Return Amazon SES, whose events such a sender signs; a secret is the topic's name."""

    def sign(said: dict[str, Any], topic: str, at: float) -> tuple[bytes, dict[str, str]]:
        moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:23] + "Z"
        text = json.dumps(said)
        message = signer.message(
            version=version, Message=text, TopicArn=topic, Timestamp=moment, Subject="An event"
        )
        kind = {"x-amz-sns-message-type": "Notification", "content-type": "text/plain"}
        return json.dumps(message).encode(), kind

    return Sender("ses", ("SES_TOPIC_ARN", TOPIC), say_ses, sign, SES_WORDS)


class Cloud:
    """Amazon's own addresses behind a proxy, over TLS by an authority of this test's own.

    Attributes:
        environment: What lets a process reach them.
        asked: What was asked for, by host and path.
    """

    def __init__(self, folder: Path, pages: Mapping[str, bytes]) -> None:
        self._authority = trustme.CA()
        self._pages = pages
        self.asked: list[str] = []
        self._authority.cert_pem.write_to_path(str(folder / "authority.pem"))
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        self.environment = {
            "HTTPS_PROXY": f"http://127.0.0.1:{port}",
            "SSL_CERT_FILE": str(folder / "authority.pem"),
        }

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection, contextlib.suppress(OSError):
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        host = _head(connection).split()[1].partition(":")[0]
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(host).configure_cert(context)
        with context.wrap_socket(connection, server_side=True) as secure:
            url = f"https://{host}{_head(secure).split()[1]}"
            self.asked.append(url)
            page = self._pages.get(url, b"")
            status = "200 OK" if page else "404 Not Found"
            length = f"Content-Length: {len(page)}\r\nConnection: close"
            secure.sendall(f"HTTP/1.1 {status}\r\n{length}\r\n\r\n".encode() + page)


def _head(connection: socket.socket) -> str:
    head = b""
    while b"\r\n\r\n" not in head:
        part = connection.recv(4096)
        if not part:
            raise OSError
        head += part
    return head.decode()
