"""A DNS server on loopback, over UDP and TCP, that answers from a zone, or wrongly on purpose."""

from __future__ import annotations

import errno
import socketserver
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from newsletter.mail_dns import Resolver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Zone = dict[str, dict[str, list[str]]]
"""The records of each name by their kind; a TXT value is written without quotes."""


@dataclass
class DnsServer:
    """What the server knows, does and was asked.

    It knows the root of the DNS too, unless the zone has an entry `""`.

    `behaviour` says how it treats a name: `silent`, `SERVFAIL`, `REFUSED`, `garbage`, `other name`
    (it answers about another one), `elsewhere` (it only refers to another server), `other
    question`, `TCP only` (cut off over UDP) or `TCP alone` (silent over UDP). The name `*` stands
    for all others.
    """

    zone: Zone
    behaviour: Mapping[str, str]
    port: int = 0
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def resolver(self, seconds: float = 10) -> Resolver:
        return Resolver(["127.0.0.1"], port=self.port, seconds=seconds)

    def answer(self, wire: bytes, transport: str) -> bytes | None:
        """Return the bytes to answer with; None to stay silent."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text().lower().rstrip(".")
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind, transport))
        how = self.behaviour.get(name, self.behaviour.get("*", ""))
        if how == "silent" or (how == "TCP alone" and transport == "UDP"):
            return None
        if how == "garbage":
            return wire[:2] + b"\x81\x80 this is no answer"
        response = dns.message.make_response(query, recursion_available=True)
        if how in {"SERVFAIL", "REFUSED"}:
            response.set_rcode(dns.rcode.from_text(how))
        elif how == "TCP only" and transport == "UDP":
            response.flags |= dns.flags.TC
        elif how == "other name":
            response.answer.append(rrset("elsewhere.test", "TXT", ["v=spf1 -all"]))
        elif how == "other question":
            response.question = [dns.rrset.RRset(dns.name.from_text("x.test."), 1, 16)]
        elif how == "elsewhere":
            response.flags &= ~dns.flags.RA
            response.authority.append(rrset("test", "NS", ["ns.elsewhere.test."]))
        else:
            self._fill(response, name, kind)
        return response.to_wire()

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        """Add the records of a name, along its aliases."""
        while "CNAME" in self.zone.get(name, {}) and kind != "CNAME":
            response.answer.append(rrset(name, "CNAME", self.zone[name]["CNAME"]))
            name = self.zone[name]["CNAME"][0].rstrip(".")
        if (name, kind) == ("", "NS") and "" not in self.zone:
            response.answer.append(rrset("", "NS", ["a.root.test."]))
        elif values := self.zone.get(name, {}).get(kind):
            response.answer.append(rrset(name, kind, values))
        elif not any(one == name or one.endswith(f".{name}") for one in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)


def rrset(name: str, kind: str, values: list[str]) -> dns.rrset.RRset:
    texts = [quoted(value) if kind == "TXT" else value for value in values]
    return dns.rrset.from_text(f"{name}.", 60, "IN", kind, *texts)


def quoted(text: str) -> str:
    """Return a text as strings of at most 255 bytes, as a long key is stored."""
    pieces = [text[at : at + 200] for at in range(0, len(text), 200)] or [""]
    return " ".join('"' + piece.replace('"', '\\"') + '"' for piece in pieces)


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True
    knows: DnsServer


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    knows: DnsServer


class _OverUdp(socketserver.BaseRequestHandler):
    server: _Udp

    def handle(self) -> None:
        wire, sock = self.request
        if (answer := self.server.knows.answer(wire, "UDP")) is not None:
            sock.sendto(answer, self.client_address)


class _OverTcp(socketserver.BaseRequestHandler):
    server: _Tcp

    def handle(self) -> None:
        stream = self.request.makefile("rb")
        length = int.from_bytes(stream.read(2), "big")
        answer = self.server.knows.answer(stream.read(length), "TCP")
        if answer is not None:
            self.request.sendall(len(answer).to_bytes(2, "big") + answer)


@contextmanager
def serve_dns(zone: Zone, behaviour: Mapping[str, str] | None = None) -> Iterator[DnsServer]:
    """Serve a zone at one port of loopback, over UDP and TCP."""
    knows = DnsServer(zone, behaviour or {})
    udp, tcp = _bound()
    udp.knows = tcp.knows = knows
    knows.port = udp.server_address[1]
    threads = [
        threading.Thread(target=one.serve_forever, args=(0.05,), daemon=True) for one in (udp, tcp)
    ]
    for thread in threads:
        thread.start()
    try:
        yield knows
    finally:
        for server, thread in zip((udp, tcp), threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


def _bound() -> tuple[_Udp, _Tcp]:
    """Return servers at one port that is free for both."""
    while True:
        udp = _Udp(("127.0.0.1", 0), _OverUdp)
        try:
            return udp, _Tcp(("127.0.0.1", udp.server_address[1]), _OverTcp)
        except OSError as error:
            udp.server_close()
            if error.errno != errno.EADDRINUSE:
                raise
