"""Each misconfiguration is found by exactly its check; a good set-up is silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from newsletter.mail_dns import CHECKS, check_domain
from newsletter.model import Diagnosis, DiagnosisState, DnsRecord
from tests.integration.mail_dns.zones import (
    DOMAIN,
    SELECTOR,
    ed25519_record,
    good_zone,
    make_settings,
    rsa_record,
    short_record,
    unknown_kind_record,
)
from tests.support.dns_server import serve_dns

if TYPE_CHECKING:
    from tests.support.dns_server import Zone

FAILURE, WARNING = DiagnosisState.FAILURE, DiagnosisState.WARNING
UNKNOWN = DiagnosisState.UNKNOWN
DMARC = f"_dmarc.{DOMAIN}"
PARENT = {"sender": f"gerrit@nieuws.{DOMAIN}"}


def problems(found: tuple[Diagnosis, ...]) -> dict[str, DiagnosisState]:
    return {one.check: one.state for one in found if one.state is not DiagnosisState.OK}


def check(
    zone: Zone, records: tuple[DnsRecord, ...] = (), **settings: object
) -> tuple[Diagnosis, ...]:
    with serve_dns(zone) as server:
        return check_domain(make_settings(**settings), records=records, resolver=server.resolver())


def one_problem(found: tuple[Diagnosis, ...]) -> Diagnosis:
    (only,) = [one for one in found if one.state is not DiagnosisState.OK]
    assert only.fix
    return only


def test_a_good_set_up_is_silent() -> None:
    found = check(good_zone())
    assert problems(found) == {}
    assert [one.check for one in found] == [name for name, _ in CHECKS]
    assert not any(one.fix for one in found)


@pytest.mark.parametrize(
    "changes",
    [
        {SELECTOR: {"TXT": [ed25519_record()]}},
        {SELECTOR: {"TXT": [rsa_record().removeprefix("v=DKIM1; ")]}},
        {SELECTOR: {"CNAME": ["k.provider.test."]}, "k.provider.test": {"TXT": [rsa_record()]}},
        {SELECTOR: {"TXT": [rsa_record(extra="s=email; h=sha1:sha256; t=s; ")]}},
        {DMARC: {"TXT": ["v = DMARC1 ; p=reject", "another record altogether"]}},
        {
            DMARC: {"TXT": ["v=DMARC1;p=quarantine;rua=mailto:a@brief.test!10m,mailto:b@x.test;"]},
            f"{DOMAIN}._report._dmarc.x.test": {"TXT": ["v=DMARC1"]},
        },
        {
            DMARC: {"CNAME": ["d.test."]},
            "d.test": {"TXT": ["v=DMARC1; p=reject; sp=none; np=none"]},
        },
        {
            f"send.{DOMAIN}": {},
            DOMAIN: {
                "TXT": ["a site's own record", "v=spf1 redirect=_spf.test"],
                "MX": ["1 mx.brief.test."],
            },
            "_spf.test": {"TXT": ["v=spf1 include:amazonses.com -all"]},
        },
        {
            f"send.{DOMAIN}": {
                "TXT": ["v=spf1 redirect=AmazonSES.com. exp=why.%{d}"],
                "MX": ["1 mx.brief.test."],
            }
        },
        {
            f"send.{DOMAIN}": {
                "TXT": ["v=spf1 include:AmazonSES.com. unknown=x -all"],
                "MX": ["1 mx.brief.test."],
            }
        },
        {
            DOMAIN: {
                "TXT": [
                    (
                        "v=spf1 A:brief.test/24//64 mx/24 mx//128 ip4:192.0.2.0/0 "
                        "exists:%{ir}.%{d2} ip6:::ffff:192.0.2.1 include:%{d1/}.x.test "
                        "?exists:a%%b.%{h} -ALL"
                    )
                ],
                "MX": ["1 mx.brief.test."],
                "A": ["192.0.2.3"],
            }
        },
        {
            DOMAIN: {
                "TXT": ["v=spf1 a -all include:nowhere.test"],
                "MX": ["10 mx.brief.test."],
                "A": ["192.0.2.3"],
            }
        },
        {DOMAIN: {"TXT": ["another record"], "MX": ["10 gone.test.", "20 mx.brief.test."]}},
        {
            DOMAIN: {
                "TXT": [f"v=spf1 exists:%{{i}}.{DOMAIN} ip4:192.0.2.1 ip6:2001:db8::1 a/24 -all"],
                "MX": ["10 mx.brief.test."],
                "A": ["192.0.2.3"],
            }
        },
    ],
    ids=[
        "Ed25519",
        "no version",
        "through an alias",
        "all tags",
        "spaces",
        "two report addresses",
        "DMARC through an alias",
        "SPF by redirect",
        "SPF by redirect alone",
        "SPF with a final dot",
        "SPF with all that the standard allows",
        "SPF ends at all",
        "SPF only where letters come from",
        "SPF terms",
    ],
)
def test_other_good_set_ups_are_silent(changes: Zone) -> None:
    assert problems(check(good_zone() | changes)) == {}


SPF_INCLUDES = " ".join(f"include:i{n}.test" for n in range(10))
INCLUDED: Zone = {f"i{n}.test": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]} for n in range(10)}
MX: dict[str, list[str]] = {"MX": ["10 mx.brief.test."]}


def spf(text: str, *others: str) -> Zone:
    return {DOMAIN: {"TXT": [text, *others], **MX}}


def dkim(*texts: str) -> Zone:
    return {SELECTOR: {"TXT": list(texts)}}


def dmarc(*texts: str) -> Zone:
    return {DMARC: {"TXT": list(texts)}}


@pytest.mark.parametrize(
    ("changes", "which", "state", "said"),
    [
        # SPF
        (spf("v=spf1 a -all", "v=spf1 mx -all"), "dns-spf", FAILURE, "2 SPF records"),
        (spf(f"v=spf1 a {SPF_INCLUDES} -all") | INCLUDED, "dns-spf", FAILURE, "11 DNS lookups"),
        (spf("v=spf1 include:b.test -all") | {
            "b.test": {"TXT": [f"v=spf1 {SPF_INCLUDES} ~all"]}, **INCLUDED},
            "dns-spf", FAILURE, "11 DNS lookups"),
        (spf("v=spf1 include:nowhere.test -all"), "dns-spf", FAILURE, "nowhere.test"),
        (spf("v=spf1 include:b.test -all") | {"b.test": {"TXT": ["v=spf1 include:b.test ~all"]}},
            "dns-spf", FAILURE, "includes itself"),
        (spf("v=spf1 +all"), "dns-spf", FAILURE, "+all"),
        (spf("v=spf1 ip4:192.0.2.300 -all"), "dns-spf", FAILURE, "ip4:192.0.2.300"),
        (spf("v=spf1 inlcude:mailbox.test -all"), "dns-spf", FAILURE, "inlcude:mailbox.test"),
        (spf("v=spf1 redirect=amazonses.com redirect=mailbox.test"), "dns-spf", FAILURE, "twice"),
        *((spf(f"v=spf1 {text}"), "dns-spf", FAILURE, "nobody can read")
            for text in ("ip4:192.0.2.1/255.255.255.0 -all", "ip4:192.0.2.0/33 -all",
                "ip6:2001:db8::/129 -all", "ip4:2001:db8::1 -all", "-all:foo", "-all/8",
                "-all inlcude:b.test", "a/99 -all", "mx//129 -all", "a:192.0.2.1 -all", "a: -all",
                "include:b.test/24 -all", "exists -all", "ip4 -all", "redirect=", "include: ~all")),
        (spf("v=spf1 include:b.test -all") | {"b.test": {"TXT": ["v=spf1 -all foo"]}},
            "dns-spf", FAILURE, "record of b.test"),
        (spf("v=spf1; a; -all"), "dns-spf", FAILURE, "v=spf1 and a space"),
        (spf("v=spf1 a:a.test a:b.test mx:c.test -all"), "dns-spf", WARNING, "3 hosts"),
        (spf("v=spf1 ptr -all"), "dns-spf", WARNING, "ptr"),
        (spf("v=spf1 ip4:192.0.2.1"), "dns-spf", WARNING, "from elsewhere"),
        (spf("v=spf1 ip4:192.0.2.1 ?all"), "dns-spf", WARNING, "from elsewhere"),
        ({f"send.{DOMAIN}": {}}, "dns-spf", WARNING, "amazonses.com"),
        ({f"send.{DOMAIN}": {"TXT": ["v=spf1 -all"]}}, "dns-spf", WARNING, "amazonses.com"),
        ({f"send.{DOMAIN}": {}, DOMAIN: MX}, "dns-spf", WARNING, "no SPF record"),
        # DKIM
        ({SELECTOR: {}}, "dns-dkim", FAILURE, "no DKIM key"),
        (dkim("v=DKIM1; k=rsa; p="), "dns-dkim", FAILURE, "withdrawn"),
        (dkim(rsa_record(1024)), "dns-dkim", WARNING, "1024 bits"),
        (dkim(short_record(768)), "dns-dkim", FAILURE, "768 bits"),
        (dkim("v=DKIM1; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL2b"), "dns-dkim", FAILURE, "damaged"),
        (dkim(rsa_record()[:200]), "dns-dkim", FAILURE, "damaged"),
        (dkim(unknown_kind_record()), "dns-dkim", FAILURE, "damaged"),
        (dkim(rsa_record(), ed25519_record()), "dns-dkim", FAILURE, "2 DKIM keys"),
        (dkim(rsa_record(extra="t=y; ")), "dns-dkim", WARNING, "test mode"),
        (dkim(rsa_record(extra="h=sha1; ")), "dns-dkim", FAILURE, "SHA-256"),
        (dkim("verification=abc"), "dns-dkim", FAILURE, "no DKIM key"),
        ({SELECTOR: {"CNAME": ["gone.provider.test."]}}, "dns-dkim", FAILURE, "gone.provider.test"),
        ({SELECTOR: {}, f"{SELECTOR}.{DOMAIN}": {"TXT": [rsa_record()]}},
            "dns-dkim", FAILURE, "no DKIM key"),
        # DMARC
        ({DMARC: {}}, "dns-dmarc", FAILURE, "no DMARC record"),
        (dmarc("v=DMARC1; p=none", "v=DMARC1; p=reject"), "dns-dmarc", FAILURE, "2 DMARC records"),
        (dmarc("v=DMARC1; p=rejct"), "dns-dmarc", FAILURE, "p=rejct"),
        (dmarc("v=DMARC1; p=reject; sp=nothing"), "dns-dmarc", FAILURE, "sp=nothing"),
        (dmarc("v=DMARC1; adkim=r"), "dns-dmarc", FAILURE, "no policy"),
        (dmarc("v=dmarc1; p=none"), "dns-dmarc", FAILURE, "not read as DMARC"),
        (dmarc("p=reject; v=DMARC1"), "dns-dmarc", FAILURE, "not read as DMARC"),
        (dmarc("v=DMARC1, p=reject"), "dns-dmarc", FAILURE, "not read as DMARC"),
        (dmarc("v=DMARC1; p=rejct; rua=d@brief.test"), "dns-dmarc", FAILURE, "ignore the record"),
        (dmarc("v=DMARC1; foo"), "dns-dmarc", FAILURE, "no policy"),
        # What receivers read in spite of an error
        (dmarc("v=DMARC1; p=reject; p=none"), "dns-dmarc", WARNING, "twice"),
        (dmarc("v=DMARC1; p=none; rua=mailto:d@brief.test; foo"), "dns-dmarc", WARNING, '"foo"'),
        (dmarc("v=DMARC1; p=reject; =x"), "dns-dmarc", WARNING, '"=x"'),
        (dmarc("v=DMARC1; p=monitor; rua=mailto:d@brief.test"),
            "dns-dmarc", WARNING, "take it as p=none"),
        (dmarc("v=DMARC1; p=reject; sp=no; rua=mailto:d@brief.test"),
            "dns-dmarc", WARNING, "sp=no"),
        (dmarc("v=DMARC1; rua=mailto:d@brief.test; foo"), "dns-dmarc", WARNING, '"foo"'),
        (dmarc("v=DMARC1; p=none"), "dns-dmarc", WARNING, "no effect"),
        (dmarc("v=DMARC1; p=none; rua=mailto:d@brief.test"), "dns-dmarc", WARNING, "in your name"),
        (dmarc("v=DMARC1; p=reject; t=y"), "dns-dmarc", WARNING, "t=y"),
        (dmarc("v=DMARC1; p=reject; pct=20"), "dns-dmarc", WARNING, "pct=20"),
        (dmarc("v=DMARC1; p=reject; rua=d@brief.test"), "dns-dmarc", WARNING, "rua"),
        (dmarc("v=DMARC1; p=reject; rua=mailto:me@mailbox.test"), "dns-dmarc", WARNING, "agreed"),
        ({DMARC: {}, f"{DMARC}.{DOMAIN}": {"TXT": ["v=DMARC1; p=reject"]}},
            "dns-dmarc", FAILURE, "no DMARC record"),
        # MX
        ({DOMAIN: {"TXT": ["v=spf1 -all"], "MX": ["0 ."]}},
            "dns-mx-from", FAILURE, "takes no mail"),
        ({DOMAIN: {"TXT": ["v=spf1 -all"]}}, "dns-mx-from", FAILURE, "no MX record"),
        ({DOMAIN: {"TXT": ["v=spf1 -all"], "AAAA": ["2001:db8::1"]}},
            "dns-mx-from", WARNING, "web site"),
        ({DOMAIN: {"TXT": ["v=spf1 -all"], "MX": ["10 192.0.2.7."]}},
            "dns-mx-from", FAILURE, "192.0.2.7"),
        ({"elders.test": {"MX": ["0 ."]}}, "dns-mx-reply-to", FAILURE, "elders.test"),
    ],
)  # fmt: skip
def test_each_misconfiguration_is_found_by_its_check_alone(
    changes: Zone, which: str, state: DiagnosisState, said: str
) -> None:
    found = one_problem(check(good_zone() | changes))
    assert (found.check, found.state) == (which, state)
    assert said in found.message


def test_a_missing_record_is_printed_to_paste() -> None:
    records = (
        DnsRecord(SELECTOR, "TXT", rsa_record()),
        DnsRecord(f"send.{DOMAIN}", "TXT", "v=spf1 include:amazonses.com ~all"),
        DnsRecord(f"send.{DOMAIN}", "MX", "10 feedback.amazonses.com"),
        DnsRecord(DMARC, "TXT", "v=DMARC1; p=none;"),
    )
    empty: Zone = {SELECTOR: {}, f"send.{DOMAIN}": {}, DMARC: {}}
    found = check(good_zone() | empty, records)
    assert problems(found) == dict.fromkeys(
        ("dns-spf", "dns-return-path", "dns-dkim", "dns-dmarc"), FAILURE
    )
    fixes = "\n".join(one.fix for one in found)
    for record in records:
        assert f"{record.name} {record.kind} {record.value}" in fixes
    assert problems(check(good_zone(), records)) == {}


@pytest.mark.parametrize(
    ("name", "kind", "there"),
    [
        ("send.brief.test", "MX", "10 elsewhere.test."),
        ("lm.brief.test", "CNAME", "elsewhere.test."),
    ],
)
def test_a_return_path_that_leads_elsewhere_is_found(name: str, kind: str, there: str) -> None:
    value = "Bounces.Provider.test"
    records = (DnsRecord(name, kind, value if kind == "CNAME" else f"10 {value}"),)
    zone = good_zone()
    zone[name] = {**zone.get(name, {}), kind: [there]}
    found = one_problem(check(zone, records))
    assert (found.check, found.state) == ("dns-return-path", FAILURE)
    assert "elsewhere.test" in found.message
    assert found.fix.startswith(f"Replace what the DNS has at {name} by: ")
    zone[name][kind] = [there.replace("elsewhere", "bounces.provider")]
    assert problems(check(zone, records)) == {}


def test_another_key_than_the_provider_has_is_found() -> None:
    records = (DnsRecord(SELECTOR, "TXT", rsa_record(3072)),)
    found = one_problem(check(good_zone(), records))
    assert (found.check, found.state) == ("dns-dkim", FAILURE)
    assert "another one" in found.message


def test_a_short_key_that_the_provider_hands_out_is_enough() -> None:
    zone = good_zone() | dkim(rsa_record(1024))
    found = check(zone, (DnsRecord(SELECTOR, "TXT", rsa_record(1024)),))
    assert problems(found) == {}
    assert any("1024 bits" in one.message for one in found)
    # What the provider hosts itself may be made longer there.
    alias = zone | {SELECTOR: {"CNAME": ["k.test."]}, "k.test": {"TXT": [rsa_record(1024)]}}
    found = check(alias, (DnsRecord(SELECTOR, "CNAME", "k.test"),))
    assert problems(found) == {"dns-dkim": WARNING}


@pytest.mark.parametrize(
    ("changes", "said", "kept"),
    [
        (dkim(rsa_record(), ed25519_record()), "Replace what the DNS has", "v=DKIM1"),
        (dkim(rsa_record()[:200]), "Replace what the DNS has", "v=DKIM1"),
        (dkim("v=DKIM1; k=rsa; p="), "Replace what the DNS has", "v=DKIM1"),
        ({SELECTOR: {"CNAME": ["gone.test."]}}, "Replace what the DNS has", "v=DKIM1"),
        ({SELECTOR: {}}, "Add to the DNS", "v=DKIM1"),
        (dmarc("v=DMARC1; p=none", "v=DMARC1; p=reject"), "take the others away", ""),
        (dmarc("v=DMARC1; p=reject; p=none"), "Correct that part", ""),
        (dmarc("v=DMARC1, p=reject"), "leave its policy as it is", "v=DMARC1"),
        ({DMARC: {}}, "Add to the DNS", "v=DMARC1; p=none"),
    ],
)
def test_what_stands_in_the_dns_already_is_not_added_again(
    changes: Zone, said: str, kept: str
) -> None:
    # The long key that the provider lists is the one of the zone in good order.
    found = one_problem(check(good_zone() | changes, (DnsRecord(SELECTOR, "TXT", rsa_record()),)))
    assert said in found.fix
    assert ("v=D" in found.fix) is bool(kept)
    assert kept in found.fix
    assert ("at most 255" in found.fix) is (found.check == "dns-dkim")


@pytest.mark.parametrize("texts", [[rsa_record()[:200]], [rsa_record(), ed25519_record()]])
def test_a_key_is_replaced_also_where_the_provider_lists_none(texts: list[str]) -> None:
    found = one_problem(check(good_zone() | dkim(*texts)))
    assert found.fix.startswith(f"Replace what the DNS has at {SELECTOR} by the DKIM record")


def test_one_missing_key_of_several_is_a_warning() -> None:
    names = [f"{token}._domainkey.{DOMAIN}" for token in ("a1", "b2", "c3")]
    records = tuple(DnsRecord(name, "CNAME", f"{name[:2]}.dkim.amazonses.com") for name in names)
    zone = good_zone() | {
        f"{name[:2]}.dkim.amazonses.com": {"TXT": [rsa_record()]} for name in names
    }
    for record in records:
        zone[record.name] = {"CNAME": [f"{record.value}."]}
    assert problems(check(zone, records, provider="ses")) == {}
    del zone[names[1]]
    found = one_problem(check(zone, records, provider="ses"))
    assert (found.check, found.state) == ("dns-dkim", WARNING)
    assert f"{names[1]} CNAME b2.dkim.amazonses.com" in found.fix


def test_a_doubled_name_is_recognised() -> None:
    zone = good_zone() | {DMARC: {}, f"{DMARC}.{DOMAIN}": {"TXT": ["v=DMARC1; p=reject"]}}
    assert "without" in one_problem(check(zone)).fix


# Which domains belong together


def test_a_subdomain_is_covered_by_the_record_above_it() -> None:
    zone = good_zone() | {
        f"nieuws.{DOMAIN}": {"MX": MX["MX"]},
        f"send.nieuws.{DOMAIN}": {"TXT": ["v=spf1 include:amazonses.com ~all"]},
    }
    # The key of the domain above signs for it, as long as alignment is relaxed.
    assert problems(check(zone, **PARENT)) == {}
    strict = zone | dmarc("v=DMARC1; p=reject; adkim=s")
    found = one_problem(check(strict, **PARENT))
    assert (found.check, found.state) == ("dns-dkim", FAILURE)
    assert "alignment" in found.message


@pytest.mark.parametrize(
    ("record", "state"),
    [
        ("v=DMARC1; p=reject; sp=none; rua=mailto:d@brief.test", WARNING),
        ("v=DMARC1; p=none; sp=reject", None),
        ("v=DMARC1; p=reject; np=none", None),  # for names that do not exist; this one does
    ],
)
def test_the_policy_for_subdomains_counts_for_a_subdomain(
    record: str, state: DiagnosisState | None
) -> None:
    zone = (
        good_zone()
        | dmarc(record)
        | {
            f"nieuws.{DOMAIN}": {"MX": MX["MX"]},
            f"send.nieuws.{DOMAIN}": {"TXT": ["v=spf1 include:amazonses.com ~all"]},
        }
    )
    assert problems(check(zone, **PARENT)).get("dns-dmarc") == state


@pytest.mark.parametrize("record", ["v=DMARC1; p=reject; foo", "v=DMARC1; p=reject; p=reject"])
def test_a_record_with_an_error_still_says_which_domains_belong_together(record: str) -> None:
    zone = good_zone() | dmarc(record)
    for signer in (DOMAIN, f"mg.{DOMAIN}"):
        key = DnsRecord(f"s1._domainkey.{signer}", "TXT", rsa_record())
        zone[key.name] = {"TXT": [key.value]}
        zone[f"nieuws.{DOMAIN}"] = {"MX": MX["MX"]}
        found = problems(check(zone, (key,), **PARENT))
        assert found["dns-dmarc"] == WARNING
        assert "dns-dkim" not in found


def test_a_record_that_is_not_read_leaves_the_one_above_it() -> None:
    zone = good_zone() | {
        f"nieuws.{DOMAIN}": {"MX": MX["MX"]},
        f"send.nieuws.{DOMAIN}": {"TXT": ["v=spf1 include:amazonses.com ~all"]},
        f"_dmarc.nieuws.{DOMAIN}": {"TXT": ["v=dmarc1; p=none"]},
    }
    assert problems(check(zone, **PARENT)) == {"dns-dmarc": WARNING}


def test_a_signature_of_an_unrelated_domain_does_not_count() -> None:
    zone = good_zone() | {"mg.elders.test": {"TXT": ["v=spf1 include:mailgun.org ~all"]}}
    zone["mailgun.org"] = {"TXT": ["v=spf1 ip4:192.0.2.9 -all"]}
    credentials = {"MAILGUN_DOMAIN": "mg.elders.test"}
    found = one_problem(check(zone, provider="mailgun", credentials=credentials))
    assert (found.check, found.state) == ("dns-dkim", FAILURE)
    assert "mg.elders.test" in found.message


def test_a_missing_dmarc_record_is_not_blamed_on_the_key() -> None:
    zone = good_zone() | {f"mg.{DOMAIN}": {"TXT": ["v=spf1 include:mailgun.org ~all"]}, DMARC: {}}
    zone["mailgun.org"] = {"TXT": ["v=spf1 ip4:192.0.2.9 -all"]}
    record = DnsRecord(f"s1._domainkey.mg.{DOMAIN}", "TXT", rsa_record())
    zone[record.name] = {"TXT": [record.value]}
    credentials = {"MAILGUN_DOMAIN": f"mg.{DOMAIN}"}
    found = check(zone, (record,), provider="mailgun", credentials=credentials)
    assert problems(found) == {"dns-dmarc": FAILURE}
    zone[DMARC] = good_zone()[DMARC]
    found = check(zone, (record,), provider="mailgun", credentials=credentials)
    assert problems(found) == {}


@pytest.mark.parametrize("silent", [f"_dmarc.nieuws.{DOMAIN}", DMARC])
@pytest.mark.parametrize("policy", ["v=DMARC1; p=reject", "v=DMARC1; p=reject; adkim=s"])
@pytest.mark.parametrize("signer", [f"mg.{DOMAIN}", DOMAIN])
def test_an_unknown_policy_leaves_a_key_of_another_domain_unknown(
    silent: str, policy: str, signer: str
) -> None:
    # The signer is beside the sender, or above it: only the policy says whether it counts.
    record = DnsRecord(f"s1._domainkey.{signer}", "TXT", rsa_record())
    zone = good_zone() | dmarc(policy) | {record.name: {"TXT": [record.value]}}
    zone[f"nieuws.{DOMAIN}"] = {"MX": MX["MX"]}
    settings = make_settings(**PARENT, provider="mailgun", credentials={"MAILGUN_DOMAIN": signer})
    with serve_dns(zone, {silent: "SERVFAIL"}) as server:
        found = check_domain(settings, records=(record,), resolver=server.resolver())
    states = problems(found)
    assert (states["dns-dkim"], states["dns-dmarc"]) == (UNKNOWN, UNKNOWN)


def test_an_unknown_policy_does_not_matter_to_a_key_of_the_very_domain() -> None:
    for name in (DMARC, f"_dmarc.nieuws.{DOMAIN}"):
        zone = good_zone() | {f"resend._domainkey.nieuws.{DOMAIN}": {"TXT": [rsa_record()]}}
        zone[f"nieuws.{DOMAIN}"] = {"MX": MX["MX"]}
        with serve_dns(zone, {name: "SERVFAIL"}) as server:
            found = check_domain(make_settings(**PARENT), resolver=server.resolver())
        assert problems(found)["dns-dmarc"] == UNKNOWN
        assert "dns-dkim" not in problems(found)


def test_unknown_names_of_keys_are_no_missing_keys() -> None:
    found = one_problem(check(good_zone(), provider="ses"))
    assert (found.check, found.state) == ("dns-dkim", UNKNOWN)
    assert "--received" in found.fix


def test_a_public_suffix_is_no_organization() -> None:
    # A record with psd=y at a suffix keeps two of its domains apart.
    suffix: Zone = {"_dmarc.test": {"TXT": ["v=DMARC1; p=reject; psd=y"]}}
    records = (DnsRecord("s1._domainkey.elders.test", "TXT", rsa_record()),)
    zone = good_zone() | suffix | {records[0].name: {"TXT": [rsa_record()]}}
    assert problems(check(zone, records)) == {"dns-dkim": FAILURE}
    # Without psd, a record above both makes them one organization.
    zone["_dmarc.test"] = {"TXT": ["v=DMARC1; p=reject"]}
    assert problems(check(zone, records)) == {}


def test_the_record_of_a_public_suffix_comes_last() -> None:
    suffix: Zone = {"_dmarc.test": {"TXT": ["v=DMARC1; p=reject; psd=y"]}}
    found = one_problem(check(good_zone() | suffix | {DMARC: {}}))
    assert (found.check, found.state) == ("dns-dmarc", WARNING)
    assert "only that of test holds" in found.message
    assert f"{DMARC} TXT v=DMARC1" in found.fix
    # A record of the domain itself, or of its organization, comes before it.
    assert problems(check(good_zone() | suffix)) == {}
    below: Zone = {
        f"nieuws.{DOMAIN}": {"MX": MX["MX"]},
        f"send.nieuws.{DOMAIN}": {"TXT": ["v=spf1 include:amazonses.com ~all"]},
    }
    assert problems(check(good_zone() | suffix | below, **PARENT)) == {}
    # Without the mark it is the record of the organization.
    unmarked: Zone = {"_dmarc.test": {"TXT": ["v=DMARC1; p=reject; psd=u"]}}
    assert problems(check(good_zone() | unmarked | {DMARC: {}})) == {}


def test_the_walk_ends_at_a_public_suffix_that_is_the_sender() -> None:
    above: Zone = {"_dmarc.test": {"TXT": ["v=DMARC1; p=reject"]}}
    record = DnsRecord("s1._domainkey.elders.test", "TXT", rsa_record())
    zone = good_zone() | above | {record.name: {"TXT": [record.value]}}
    assert problems(check(zone, (record,))) == {}
    zone |= dmarc("v=DMARC1; p=reject; psd=y")
    assert problems(check(zone, (record,))) == {"dns-dkim": FAILURE}


def test_the_walk_asks_at_most_eight_names() -> None:
    deep = ".".join("abcdefghij") + f".{DOMAIN}"
    with serve_dns(good_zone() | {deep: MX}) as server:
        check_domain(make_settings(sender=f"g@{deep}"), resolver=server.resolver())
        asked = {name for name, _, _ in server.asked if name.startswith("_dmarc.")}
    walked = {name for name in asked if not name.endswith(f"{DOMAIN}.{deep}")}
    assert f"_dmarc.{deep}" in walked
    assert DMARC in walked
    assert len(walked) == 8


# The address itself


@pytest.mark.parametrize(
    "domain",
    "gmail.com outlook.com hotmail.nl live.nl ziggo.nl kpnmail.nl icloud.com proto.me"
    " proton.me xs4all.nl planet.nl telenet.be GMail.com mail.gmx.de".replace(
        " proto.me", ""
    ).split(),
)
def test_a_free_mail_sender_is_found_without_asking_the_dns(domain: str) -> None:
    with serve_dns({}) as server:
        found = check_domain(
            make_settings(sender=f"Gerrit <gerrit@{domain}>"), resolver=server.resolver()
        )
        assert server.asked == []
    assert problems(found) == {"dns-free-mail": FAILURE}


@pytest.mark.parametrize(
    ("sender", "reply_to", "warned"),
    [
        ("noreply", "", True),
        ("no-reply", "gerrit@elders.test", True),
        ("No_Reply", "", True),
        ("donotreply", "", True),
        ("do-not-reply", "", True),
        ("noreply+brief", "", True),
        ("niet-beantwoorden", "", True),
        ("gerrit", "noreply@elders.test", True),
        ("gerrit", "", False),
        ("noor", "", False),
        ("norbert", "", False),
        ("geen", "", False),
    ],
)
def test_an_address_that_nobody_reads_is_a_warning(
    sender: str, reply_to: str, *, warned: bool
) -> None:
    found = check(good_zone(), sender=f"{sender}@{DOMAIN}", reply_to=reply_to)
    assert problems(found) == ({"dns-noreply": WARNING} if warned else {})


def test_a_domain_that_does_not_exist_is_one_finding() -> None:
    found = one_problem(check(good_zone(), sender="gerrit@breif.test"))
    assert (found.check, found.state) == ("dns-domain", FAILURE)


def test_without_a_sender_there_is_nothing_to_look_up() -> None:
    assert problems(check({}, sender="")) == {"dns-domain": FAILURE}


def test_an_unexpected_error_leaves_one_check_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(DOMAIN)

    monkeypatch.setattr("newsletter.mail_dns.dkim.load_der_public_key", fail)
    found = one_problem(check(good_zone()))
    assert (found.check, found.state) == ("dns-dkim", UNKNOWN)
    assert found.message == "unexpected RuntimeError"


def test_a_rehearsal_needs_no_key() -> None:
    assert problems(check(good_zone() | {SELECTOR: {}}, provider="outbox")) == {}
