"""What the DNS does not say is never *missing*; what it says over TCP counts."""

from __future__ import annotations

import socket
import time

import pytest

from newsletter.mail_dns import DnsError, Resolver, check_domain
from newsletter.model import DiagnosisState
from tests.integration.mail_dns.zones import DOMAIN, SELECTOR, good_zone, make_settings
from tests.support.dns_server import serve_dns

DMARC = f"_dmarc.{DOMAIN}"
USELESS = ["silent", "SERVFAIL", "REFUSED", "garbage", "other name", "other question", "elsewhere"]


@pytest.mark.parametrize("how", USELESS)
def test_an_answer_that_cannot_be_used_is_no_missing_record(how: str) -> None:
    with serve_dns(good_zone(), {DMARC: how}) as server:
        found = check_domain(make_settings(), resolver=server.resolver(seconds=1))
    states = {one.check: one.state for one in found}
    assert states["dns-dmarc"] is DiagnosisState.UNKNOWN
    (unknown,) = [one for one in found if one.check == "dns-dmarc"]
    assert DMARC in unknown.message or "time" in unknown.message
    assert unknown.fix
    assert DiagnosisState.FAILURE not in states.values()
    if how in {"SERVFAIL", "REFUSED", "other name", "elsewhere"}:  # known at once, for this name
        assert list(states.values()).count(DiagnosisState.UNKNOWN) == 1


@pytest.mark.parametrize("how", [*USELESS, "TCP only", "TCP alone"])
@pytest.mark.parametrize("name", [DOMAIN, SELECTOR, "amazonses.com", "elders.test"])
def test_no_trouble_of_the_dns_makes_a_failure(how: str, name: str) -> None:
    with serve_dns(good_zone(), {name: how}) as server:
        seconds = 10 if how.startswith("TCP") else 0.6
        found = check_domain(make_settings(), resolver=server.resolver(seconds))
    states = {one.state for one in found}
    if how.startswith("TCP"):
        assert states == {DiagnosisState.OK}
    else:
        assert states == {DiagnosisState.OK, DiagnosisState.UNKNOWN}


def test_a_server_that_is_always_silent_leaves_all_unknown() -> None:
    with serve_dns(good_zone(), {"*": "silent"}) as server:
        found = check_domain(make_settings(), resolver=server.resolver(seconds=0.5))
        asked = {name for name, _, _ in server.asked}
    unknown = {one.check for one in found if one.state is DiagnosisState.UNKNOWN}
    assert unknown == {
        *("dns-domain", "dns-spf", "dns-dkim", "dns-dmarc", "dns-mx-from", "dns-mx-reply-to")
    }
    # The deadline is one for all: what comes after it is not asked any more.
    assert asked == {DOMAIN}


def test_only_the_time_of_lookups_counts() -> None:
    with serve_dns(good_zone()) as server:
        resolver = server.resolver(seconds=0.5)
        resolver.find(DOMAIN, "TXT")
        time.sleep(0.6)  # as long as a provider may take to answer
        assert resolver.find(DMARC, "TXT").values


def test_a_machine_without_a_network_leaves_all_unknown() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))  # bound, so that no other program answers there
        resolver = Resolver(["127.0.0.1"], port=taken.getsockname()[1], seconds=0.3)
        with pytest.raises(DnsError, match="did not answer"):
            resolver.find(DOMAIN, "TXT")
    with pytest.raises(DnsError, match=r"time for asking|did not answer"):
        resolver.find(DMARC, "TXT")


def test_a_network_whose_server_knows_no_name_leaves_all_unknown() -> None:
    with serve_dns({}, {"": "REFUSED", "com": "SERVFAIL"}) as server:
        found = check_domain(make_settings(), resolver=server.resolver())
    with serve_dns({"": {}, "known.test": {}}) as server:
        assert check_domain(make_settings(), resolver=server.resolver()) == found
    states = {one.check: one.state for one in found}
    assert states["dns-domain"] is DiagnosisState.UNKNOWN
    assert DiagnosisState.FAILURE not in states.values()


def test_an_answer_that_is_cut_off_is_asked_for_over_tcp() -> None:
    with serve_dns(good_zone(), {SELECTOR: "TCP only"}) as server:
        (key,) = server.resolver().find(SELECTOR, "TXT").values
        assert [one for one in server.asked if one[0] == SELECTOR] == [
            (SELECTOR, "TXT", "UDP"),
            (SELECTOR, "TXT", "TCP"),
        ]
    assert key in good_zone()[SELECTOR]["TXT"]


def test_a_network_without_udp_is_asked_over_tcp_from_then_on() -> None:
    with serve_dns(good_zone(), {"*": "TCP alone"}) as server:
        found = check_domain(make_settings(), resolver=server.resolver())
        over_udp = {name for name, _, transport in server.asked if transport == "UDP"}
    assert {one.state for one in found} == {DiagnosisState.OK}
    assert over_udp == {DOMAIN}


def test_each_question_is_asked_once() -> None:
    with serve_dns(good_zone()) as server:
        check_domain(make_settings(), resolver=server.resolver())
        assert len(server.asked) == len(set(server.asked))


def test_missing_names_and_missing_kinds_are_kept_apart() -> None:
    zone = good_zone() | {"alias.test": {"CNAME": ["gone.test."]}}
    with serve_dns(zone) as server:
        resolver = server.resolver()
        assert not resolver.find("nowhere.test", "TXT").exists
        assert resolver.find(DOMAIN, "AAAA").exists
        assert resolver.find(DOMAIN, "AAAA").values == ()
        assert resolver.find("alias.test", "CNAME").values == ("gone.test",)
        assert resolver.find("alias.test", "TXT").values == ()


@pytest.mark.parametrize("name", ["a" * 64 + ".test", ".".join(["a" * 60] * 5), "a..test", ""])
def test_a_name_that_cannot_be_is_missing(name: str) -> None:
    with serve_dns({}) as server:
        assert server.resolver().find(name, "TXT").values == ()
