"""Themes: which spellings are one, and names that any address can hold."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.archive.themes import gather_themes, theme_slug
from tests.support.published import published


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("rust", "rust"),
        ("Innerlijke  Rust", "innerlijke-rust"),
        ("innerlijke-rust", "innerlijke-rust"),
        ("één keuze", "een-keuze"),
    ],
)
def test_a_plain_theme_is_its_own_address(name: str, slug: str) -> None:
    assert theme_slug(name) == slug


def test_what_an_address_cannot_hold_becomes_a_hash() -> None:
    names = [
        "één / twee",
        "een twee",
        "één? twee",
        "🌱",
        "🌿",
        "покой",
        "-",
        "..",
        "x" * 300,
        "Aux",
    ]
    slugs = [theme_slug(name) for name in names]
    assert len(set(slugs)) == len(slugs)
    assert slugs[0].startswith("een-twee-")
    assert theme_slug("Aux").startswith("aux-")  # Windows makes no file of that name


@given(st.text(min_size=1, max_size=400))
def test_any_theme_has_an_address(name: str) -> None:
    slug = theme_slug(name)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert len(slug) <= 70


def test_a_theme_is_named_as_its_newest_issue_writes_it() -> None:
    issues = [
        published("2026-11-29-a", themes=["Rust", "rust", "grenzen"]),
        published("2026-11-22-b", themes=["rust"]),
    ]
    rust, grenzen = gather_themes(issues)
    assert (rust.name, rust.slug, len(rust.issues)) == ("Rust", "rust", 2)
    assert (grenzen.name, len(grenzen.issues)) == ("grenzen", 1)
