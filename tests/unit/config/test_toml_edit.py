"""A settings file in which one line is changed, and nothing else."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.config.settings_file import OWN, SHARED
from newsletter.config.toml_edit import set_text
from newsletter.errors import NewsletterError


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'ledger = "k7"\n'),
        ('name = "A"', 'name = "A"\nledger = "k7"\n'),
        ('name = "A"\n\n\n', 'name = "A"\nledger = "k7"\n\n\n'),
        ('ledger = ""\nname = "A"\n', 'ledger = "k7"\nname = "A"\n'),
        ("ledger=''   # later\n", 'ledger="k7"   # later\n'),
        ('  "ledger" = "a\\"b" # x\n', '  "ledger" = "k7" # x\n'),
        ('name = "A"\r\nledger = ""\r\n', 'name = "A"\r\nledger = "k7"\r\n'),
        ('name = "A"\r\n# end', 'name = "A"\r\n# end\r\nledger = "k7"\r\n'),
        ('# ledger = ""\nname = "A"\n', '# ledger = ""\nname = "A"\nledger = "k7"\n'),
        (
            'signature = """\nledger = "x"\n"""\nledger = ""\n',
            "",  # the line in the text is met first: refused, never changed
        ),
    ],
)
def test_one_line_of_the_settings_is_changed_and_no_other(before: str, after: str) -> None:
    if after:
        assert set_text(before, OWN, "ledger", "k7") == after
    else:
        with pytest.raises(NewsletterError, match='Write the line yourself: ledger = "k7"'):
            set_text(before, OWN, "ledger", "k7")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '[project]\nname = "x"\n\n[tool.newsletter]\nname = "A"\n\n[tool.ruff]\nledger = ""\n',
            (
                '[project]\nname = "x"\n\n[tool.newsletter]\nname = "A"\nledger = "k7"\n\n'
                '[tool.ruff]\nledger = ""\n'
            ),
        ),
        (
            '[tool.newsletter]\r\nledger = "" # here\r\n',
            '[tool.newsletter]\r\nledger = "k7" # here\r\n',
        ),
        ("[tool.newsletter]", '[tool.newsletter]\nledger = "k7"\n'),
        ('tool.newsletter.name = "A"\n', ""),
        ('[tool]\nnewsletter = { name = "A" }\n', ""),
        ('[tool.newsletter]\nsignature = """\n[x]\n"""\n', ""),
    ],
)
def test_in_a_shared_file_only_the_table_is_changed(before: str, after: str) -> None:
    if after:
        assert set_text(before, SHARED, "ledger", "k7") == after
    else:
        with pytest.raises(NewsletterError, match=SHARED.replace(".", "[.]")):
            set_text(before, SHARED, "ledger", "k7")


@given(
    st.lists(
        st.sampled_from(
            [
                'name = "A"',
                'ledger = ""',
                "ledger = ''",
                "# ledger",
                "",
                'signature = """',
                '"""',
                "greeting = '''",
                "'''",
                'contact = "a # b"',
            ]
        ),
        max_size=8,
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.text(max_size=12),
)
def test_the_result_says_the_same_with_one_value_changed(
    lines: list[str], newline: str, value: str
) -> None:
    before = newline.join(lines)
    try:
        said = tomllib.loads(before)
    except tomllib.TOMLDecodeError:
        return
    try:
        after = set_text(before, OWN, "ledger", value)
    except NewsletterError:
        return
    assert tomllib.loads(after) == {**said, "ledger": value}
