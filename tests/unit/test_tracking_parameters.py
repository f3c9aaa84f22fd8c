"""Addresses without what tracks who opens them."""

from __future__ import annotations

import pytest

from newsletter.tracking_parameters import is_tracking, without_tracking

SITE = "https://example.org/rust/"


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        (SITE, SITE),
        (f"{SITE}?utm_source=x&utm_medium=y", SITE),
        (f"{SITE}?FBCLID=x", SITE),
        (f"{SITE}?p=12&utm_source=x&q=a+b#deel", f"{SITE}?p=12&q=a+b#deel"),
        (f"{SITE}?utm_source=x&amp;p=12&amp;gclid=y&amp;q=1", f"{SITE}?p=12&amp;q=1"),
        (
            f"{SITE}?utm=x&source=y&prefix_utm_source=z",
            f"{SITE}?utm=x&source=y&prefix_utm_source=z",
        ),
        ("/rust/?mc_cid=1#utm_source=x", "/rust/#utm_source=x"),
        ("mailto:marijke@example.org?subject=Rust", "mailto:marijke@example.org?subject=Rust"),
        ("", ""),
    ],
)
def test_an_address_loses_only_what_tracks(url: str, bare: str) -> None:
    assert without_tracking(url) == bare


def test_a_parameter_tracks_by_its_whole_name() -> None:
    assert is_tracking("utm_campaign")
    assert not is_tracking("si_unit")
