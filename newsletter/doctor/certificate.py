"""The certificate of the web app, as a mail program or a browser sees it."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from newsletter.doctor.checklist import WEB_CERTIFICATE
from newsletter.doctor.findings import failure, ok, unknown, warning
from newsletter.providers.connections import trusted_tls

if TYPE_CHECKING:
    from newsletter.model import Diagnosis

_SECONDS: Final = 10.0
_HTTPS: Final = 443
_SOON_DAYS: Final = 14
_A_DAY: Final = 86_400
_NO_SUCH_HOST: Final = frozenset(
    {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
)
"""What the DNS says itself; that it does not answer is another error."""
# x509_vfy.h of OpenSSL: docs.openssl.org/master/man3/X509_STORE_CTX_get_error
_PROBLEMS: Final = {
    9: ("is not valid yet", "See whether the clocks of both machines are right"),
    10: ("has expired", "Renew it, and see why that did not happen by itself"),
    18: ("is signed by itself", "Get one from an authority that mail programs trust"),
    19: ("is signed by an authority that nobody trusts", "Get one from an authority they trust"),
    20: (
        "comes without the chain to an authority",
        "Let the server send the whole chain (fullchain.pem), or get one from a trusted authority",
    ),
    21: ("comes without the chain to an authority", "Let the server send the whole chain"),
    62: ("is for another host name", "Get one for this host name, or correct public_url"),
    64: ("is for another address", "Get one for this address, or correct public_url"),
}


def check_certificate(url: str) -> Diagnosis:
    """Check the certificate that is shown at a URL, and for how long it is valid."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _HTTPS
    try:
        days = _days_left(host, port)
    except ssl.SSLCertVerificationError as error:
        problem, fix = _PROBLEMS.get(
            error.verify_code, (f"is not trusted: {error.verify_message}", "Get another one")
        )
        return failure(WEB_CERTIFICATE, f"the certificate of {host} {problem}", fix)
    except ssl.SSLError:
        return failure(
            WEB_CERTIFICATE,
            f"what answers at {host} does not speak TLS as others do",
            "Put the web app behind a server that speaks TLS (docs/deploy.md)",
        )
    except OSError as error:
        if isinstance(error, socket.gaierror) and error.errno in _NO_SUCH_HOST:
            return failure(
                WEB_CERTIFICATE,
                f"{host} has no address in the DNS",
                "Add it there, or correct public_url",
            )
        return unknown(
            WEB_CERTIFICATE,
            f"{host} cannot be reached: {error.strerror or 'it does not answer'}",
            "Start the web app and the server before it; correct public_url if it is elsewhere",
        )
    if days < _SOON_DAYS:
        return warning(
            WEB_CERTIFICATE,
            f"the certificate of {host} is valid for {days} more day{'s' * (days != 1)}",
            "Renew it, and see why that did not happen by itself",
        )
    return ok(WEB_CERTIFICATE, f"the certificate of {host} is valid for {days} more days")


def _days_left(host: str, port: int) -> int:
    """Return for how many days the certificate of a host is valid, after verifying it."""
    with (
        socket.create_connection((host, port), timeout=_SECONDS) as connection,
        trusted_tls().wrap_socket(connection, server_hostname=host) as tls,
    ):
        shown = tls.getpeercert() or {}
    ends = ssl.cert_time_to_seconds(str(shown["notAfter"]))
    return int((ends - time.time()) // _A_DAY)
