"""Links and images that only the author can open, and what mailto: may be."""

from __future__ import annotations

import pytest

from newsletter.content.hosts import is_private
from tests.support.drafts import HEADER, in_body, read

PRIVATE = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "app.localhost",
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0.0.0.0",  # noqa: S104 - no socket is opened
    "10.0.0.3",
    "172.16.4.5",
    "192.168.1.10",
    "169.254.1.1",
    "100.64.0.1",
    "::1",
    "fe80::1%eth0",
    "fd00::1",
    "::ffff:127.0.0.1",
    "mac.local",
    "brief.test",
    "site.invalid",
    "db.internal",
    "wiki.intranet",
    "nas.lan",
    "printer.home",
    "doos.home.arpa",
    "raspberrypi",
    "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54",
    "mac\u3002local",
    "127.0.0.1.nip.io",
]
PUBLIC = [
    "example.org",
    "www.example.org",
    "bücher.example.org",
    "xn--bcher-kva.example",
    "local.example.org",
    "testen.nl",
    "mijn-test.nl",
    "localhost.example.com",
    "8.8.8.8",
    "2001:4860:4860::8888",
    "127.nl",
    "",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_a_host_that_only_the_author_reaches_is_private(host: str) -> None:
    assert is_private(host)


@pytest.mark.parametrize("host", PUBLIC)
def test_a_host_of_the_internet_is_not_private(host: str) -> None:
    assert not is_private(host)


@pytest.mark.parametrize(
    "address",
    [
        "https://localhost:1313/tafel/",
        "https://gerrit@localhost/tafel/",
        "https://192.168.1.10/x",
        "https://[::1]:8080/x",
        "https://mac.local/x",
        "https://x/",
        "https://example.org/?p=12&preview=true",
        "https://example.org/wp-admin/post.php?post=12",
    ],
)
def test_an_address_that_only_the_author_can_open_is_a_warning(address: str) -> None:
    assert in_body(f"Zie [tafel]({address}) hier.") == [(1, "private-address")]
    assert in_body(f"[Tafel]({address})") == [(1, "private-address")]
    assert in_body(f"![Een tafel]({address})") == [(1, "private-address")]
    assert read(f"{HEADER}[Tafel]({address})").issue


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org@example.com/",
        "https://example.org/localhost",
        "https://example.org/?u=https://localhost/",
        "https://example.org:8443/",
        "mailto:anna@example.org",
    ],
)
def test_an_address_that_all_can_open_is_none(address: str) -> None:
    assert in_body(f"Zie [tafel]({address}) hier.") == []


@pytest.mark.parametrize(
    "address",
    [
        "mailto:?subject=Lees%20dit",
        "mailto:?subject=Lees%20dit&body=https%3A%2F%2Fexample.org",
        "mailto:?to=anna@example.org",
        "mailto:anna@example.org?subject=Vraag",
        "mailto:anna@example.org,bram@example.org",
        "MAILTO:?subject=Lees",
    ],
)
def test_a_mail_may_leave_its_address_to_the_subscriber(address: str) -> None:
    assert in_body(f"[Stuur door]({address})") == []
    assert read(f"{HEADER}[Stuur door]({address})").blocks[0].kind == "button"


@pytest.mark.parametrize(
    "address",
    ["mailto:", "mailto:?", "mailto:anna", "mailto:anna@", "mailto:@example.org",
     "mailto:anna@example.org,bram", "mailto:anna?subject=x", "tel:0612345678", "sms:0612345678"],
)  # fmt: skip
def test_a_mail_to_no_address_is_an_error(address: str) -> None:
    assert in_body(f"[Stuur door]({address})") == [(1, "link-address")]


def test_a_mail_to_a_private_host_is_a_warning() -> None:
    assert in_body("[Schrijf](mailto:anna@mac.local)") == [(1, "private-address")]
