"""Settings are found, or what is there instead is reported: nothing is ignored in silence."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from newsletter import config
from newsletter.errors import NewsletterError

LINES = 'name = "Stil Water"\nsender = "Marijke <marijke@example.org>"\n'
TABLE = f"[tool.newsletter]\n{LINES}"
PROJECT = '[project]\nname = "other"\n'


def made(folder: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(NewsletterError) as caught:
        config.load(folder, {})
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    return str(caught.value)


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        "newsletter.toml.txt",
        "Newsletter.toml",
        "NEWSLETTER.TOML",
        "newsletter.tml",
        ".newsletter.toml",
        "newsletter.toml.toml",
        "newsletter.txt.toml",
        "newsletter.toml ",
    ],
)
def test_a_misnamed_file_is_an_error_also_beside_the_right_one(
    tmp_path: Path, name: str, *, beside: bool
) -> None:
    made(tmp_path, **{name: LINES})
    if beside:
        made(tmp_path, **{"newsletter.toml": LINES})
    reported = refused(tmp_path)
    assert f"({' '.join(name.split())}" in reported
    assert ("delete it" if beside else "Rename it to newsletter.toml") in reported


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("newsletters.toml", LINES),
        ("newsleter.toml", LINES),
        ("news-letter.toml", LINES),
        ("nieuwsbrief.toml", LINES),
        ("newsletter (1).toml", LINES),
        ("newsletter - kopie.toml", LINES),
        ("newsletter.toml.example", LINES),
        ("newsletter.toml.bak", LINES),
        ("newsletter", LINES),
        ("newsletter.txt", LINES),
        ("newsletter.ini", f"[newsletter]\n{LINES}"),
        ("newsletter.yaml", "name: Stil Water\nsender: marijke@example.org\n"),
        ("newsletter.json", '{\n  "name": "Stil Water",\n  "sender": "m@example.org"\n}'),
        ("settings.toml", f'{LINES}contact = "Kade 1"\n'),
        ("pyproject.toml.txt", TABLE),
        ("Pyproject.toml", TABLE),
    ],
)
def test_what_holds_settings_under_another_name_is_an_error(
    tmp_path: Path, name: str, text: str
) -> None:
    made(tmp_path, **{name: text})
    assert name in refused(tmp_path)
    (tmp_path / "issues").mkdir()
    with pytest.raises(NewsletterError):
        config.load(tmp_path / "issues", {})


@pytest.mark.parametrize(
    "name",
    [
        "newsletter.toml~",
        "newsletter.toml.bak",
        "newsletter.toml.orig",
        "newsletter.example.toml",
        "newsletter.toml.example",
        ".newsletter.toml.swp",
        "._newsletter.toml",
        "#newsletter.toml#",
        "newsletter (1).toml",
        "newsletter.txt",
        "settings.toml",
    ],
)
def test_copies_beside_the_settings_are_allowed(tmp_path: Path, name: str) -> None:
    made(tmp_path, **{"newsletter.toml": LINES, name: LINES})
    assert config.load(tmp_path, {}).name == "Stil Water"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("newsletter.txt", "Dear all, this is our newsletter: name your price.\n"),
        ("newsletter.md", "# Newsletter\nname: x\n"),
        ("newsletters.toml", "columns = 3\n"),
        ("config.toml", 'title = "Blog"\ntimeZone = "Europe/Amsterdam"\nlanguageCode = "nl"\n'),
        ("book.toml", 'name = "x"\nlanguage = "nl"\ndescription = "y"\n'),
        ("pyproject.toml", "[tool.newsletters]\ncolumns = 3\n"),
        ("pyproject.toml", "[tool.other]\nx = \n"),
        ("pyproject.toml", '[tool.hatch.build]\npackages = ["newsletter"]\n'),
        (".newsletter.toml.swp", LINES),
    ],
)
def test_what_others_keep_is_no_settings_file(tmp_path: Path, name: str, text: str) -> None:
    made(tmp_path, **{name: text})
    assert config.load(tmp_path, {}).name == "My letter"


def test_two_settings_files_are_an_error_that_names_both(tmp_path: Path) -> None:
    reported = refused(made(tmp_path, **{"newsletter.toml": LINES, "pyproject.toml": TABLE}))
    assert "newsletter.toml" in reported
    assert "[tool.newsletter] in pyproject.toml" in reported
    made(tmp_path, **{"pyproject.toml": PROJECT})
    assert config.load(tmp_path, {}).name == "Stil Water"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("newsletter.toml", f"[settings]\n{LINES}", "(newsletter.toml:1)"),
        ("newsletter.toml", f"[newsletter]\n{LINES}", "Delete the line [newsletter]"),
        ("newsletter.toml", TABLE, "Delete the line [tool.newsletter]"),
        ("newsletter.toml", f"[[newsletter]]\n{LINES}", "[newsletter]"),
        (
            "newsletter.toml",
            f'{LINES}\n[provider]\nname = "resend"',
            "a table [provider] is not read",
        ),
        ("newsletter.toml", 'newsletter.name = "x"', "[newsletter]"),
        ("pyproject.toml", f"{PROJECT}[newsletter]\n{LINES}", "Write [tool.newsletter]"),
        ("pyproject.toml", f"[tool.newsleter]\n{LINES}", "[tool.newsleter] is not read"),
        ("pyproject.toml", f"[tool.newsletters]\n{LINES}", "[tool.newsletters] is not read"),
        ("pyproject.toml", f"[tool.Newsletter]\n{LINES}", "[tool.Newsletter] is not read"),
        ("pyproject.toml", f"[tools.newsletter]\n{LINES}", "[tools.newsletter] is not read"),
        ("pyproject.toml", f"[project.newsletter]\n{LINES}", "[project.newsletter] is not read"),
        ("pyproject.toml", "[tool.news-letter]\nnaam = 'x'", "[tool.news-letter] is not read"),
        ("pyproject.toml", f"[tool.newsletter.mail]\n{LINES}", "[tool.newsletter.mail]"),
        ("pyproject.toml", f"[[tool.newsletter]]\n{LINES}", "Write [tool.newsletter]"),
    ],
)
def test_a_table_of_another_name_is_an_error(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    reported = refused(made(tmp_path, **{name: text}))
    assert said in reported
    assert f"({name}" in reported


def test_what_has_the_name_of_the_settings_and_is_no_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").mkdir()
    assert "is a folder" in refused(tmp_path)
    (tmp_path / "newsletter.toml").rmdir()
    (tmp_path / "newsletter.toml").symlink_to(tmp_path / "gone.toml")
    assert "a link that leads nowhere" in refused(tmp_path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (LINES.encode("utf-16"), "UTF-16"),
        (LINES.encode("utf-16-le"), "UTF-16"),
        ('name = "x"\ncontact = "Café"'.encode("cp1252"), "this line holds a letter"),
        (b"PK\x03\x04\x14", "Word"),
        (b"{\\rtf1\\ansi name}", "RTF"),
        (b'{"name": "x"}', "JSON"),
    ],
)
def test_a_file_in_another_form_is_named_as_such(tmp_path: Path, data: bytes, said: str) -> None:
    reported = refused(made(tmp_path, **{"newsletter.toml": data}))
    assert said in reported
    assert "TOML" in reported


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_and_any_line_ending_are_fine(tmp_path: Path, ending: str) -> None:
    text = "\ufeff" + LINES.replace("\n", ending)
    made(tmp_path, **{"newsletter.toml": text})
    assert config.load(tmp_path, {}).name == "Stil Water"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("name = Stil Water", 'name = "Stil Water"'),
        ("name = “Stil Water”", 'name = "Stil Water"'),
        ("name = „Stil Water”", 'name = "Stil Water"'),
        ("name = ‘Stil Water’", 'name = "Stil Water"'),
        ("name = `Stil Water`", 'name = "Stil Water"'),
        ("name: Stil Water", 'name = "Stil Water"'),
        ("name == 'Stil Water'", 'name = "Stil Water"'),
        ("name 'Stil Water'", 'name = "Stil Water"'),
        ("naam = Stil Water", 'name = "Stil Water"'),
        ('export name = "Stil Water"', 'name = "Stil Water"'),
        ('name = "Stil Water",', 'name = "Stil Water"'),
        ('name = "Stil Water";', 'name = "Stil Water"'),
        ('name = "Stil Water', 'name = "Stil Water"'),
        ('name = Stil Water"', 'name = "Stil Water"'),
        ("name = Stil Water # ours", 'name = "Stil Water"'),
        ('name\u00a0= "Stil Water"', 'name = "Stil Water"'),
        ('name = "Stil "diep" Water"', 'name = "Stil \\"diep\\" Water"'),
        ("name = 'Zo'n dag'", 'name = "Zo\'n dag"'),
        ("name =", 'name = "…"'),
        ('signature = "Groet,\nMarijke"', 'signature = "Groet,\\nMarijke"'),
        ("signature = “Groet,\nMarijke\nStil Water”", '"Groet,\\nMarijke\\nStil Water"'),
        ('reply to = "m@example.org"', 'reply_to = "m@example.org"'),
        ("sender = Marijke <m@example.org>", 'sender = "Marijke <m@example.org>"'),
        ("accent_color = #2f5d50", 'accent_color = "#2f5d50"'),
        ("send_time = 07:00", 'send_time = "07:00"'),
        ("send_time = 7 uur", 'send_time = "07:00"'),
        ("max_lateness_hours = 6,5", "max_lateness_hours = 6.5"),
        ("max_lateness_hours = 6 uur", "max_lateness_hours = 6"),
        ("max_lateness_hours = 06", "max_lateness_hours = 6"),
        ("site_url = https://example.org", 'site_url = "https://example.org"'),
        ("// a remark", "# a remark"),
        ("; a remark", "# a remark"),
    ],
)
def test_a_line_that_is_no_toml_is_shown_as_it_must_be(
    tmp_path: Path, text: str, right: str
) -> None:
    reported = refused(made(tmp_path, **{"newsletter.toml": f"# ours\n\n{text}\n"}))
    assert re.match(r"not valid TOML: .+ \(newsletter\.toml:3\)\. ", reported)
    assert right in reported
    if "…" not in right and not right.startswith("#"):
        shown = reported.partition("Write: ")[2]
        made(tmp_path, **{"newsletter.toml": shown})
        config.load(tmp_path, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "a"\nlanguage = "nl"\nname = "b"', "for the second time (also on line 1)"),
        ("---\nname = 'x'", "Delete that line"),
        ('sender = "m@example.org"\n[sender]\nname = "M"', "a table has no place here"),
        ("```toml", "Delete that line"),
    ],
)
def test_a_line_that_must_go_is_named(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(made(tmp_path, **{"newsletter.toml": text}))


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("send_time = 07:30:00", 'send_time = "07:30"'),
        ("send_day = 'Zondag'", 'send_day = "sunday"'),
        ("send_day = 'di'", 'send_day = "tuesday"'),
        ("send_day = 'Wednesdays'", 'send_day = "wednesday"'),
        ("send_time = 7.30", 'send_time = "07:30"'),
        ("send_time = '7:30'", 'send_time = "07:30"'),
        ("send_time = '7.30 uur'", 'send_time = "07:30"'),
        ("send_time = '7pm'", 'send_time = "19:00"'),
        ("max_lateness_hours = '6,5'", "max_lateness_hours = 6.5"),
        ("provider = ['resend']", 'provider = "resend"'),
        ("provider = 'Resend'", 'provider = "resend"'),
        ("provider = 'Amazon SES'", 'provider = "ses"'),
        ("provider = 'letermint'", 'provider = "lettermint"'),
        ("timezone = 'Amsterdam'", 'timezone = "Europe/Amsterdam"'),
        ("timezone = 'europe/brussel'", 'timezone = "Europe/Brussels"'),
        ("language = 'Nederlands'", 'language = "nl"'),
        ("language = 'nl_BE'", 'language = "nl-BE"'),
        ("accent_color = '2F5D50'", 'accent_color = "#2f5d50"'),
        ("accent_color = '#25a'", 'accent_color = "#2255aa"'),
        ("accent_color = 'rgb(1, 2, 3)'", 'accent_color = "#010203"'),
        ("public_url = 'brief.example.org'", 'public_url = "https://brief.example.org"'),
        ("public_url = 'https:/brief.example.org'", 'public_url = "https://brief.example.org"'),
        ("public_url = 'https://bücher.example'", "https://xn--bcher-kva.example"),
        ("greeting = 'Dag {voornaam},'", 'greeting = "Dag {first_name},"'),
        ("greeting = 'Dag {{ first_name }},'", 'greeting = "Dag {first_name},"'),
        ("greeting = 'Dag *|FNAME|*,'", 'greeting = "Dag {first_name},"'),
        ("signature = 'Groet,\\nMarijke'", 'signature = "Groet,\\nMarijke"'),
        ('signature = "Groet,\\\\nMarijke"', 'signature = "Groet,\\nMarijke"'),
        ("signature = 'Groet,<br/>Marijke'", 'signature = "Groet,\\nMarijke"'),
        ("greeting = 'Dag {first_name},\\n'", 'greeting = "Dag {first_name},"'),
        ("contact = 'Kade 1\\nAmsterdam'", 'contact = "Kade 1\\nAmsterdam"'),
        ("signature = '**Marijke**'", 'signature = "Marijke"'),
        ("contact = '<b>Kade 1</b>'", 'contact = "Kade 1"'),
    ],
)
def test_a_wrong_value_is_shown_as_it_must_be(tmp_path: Path, line: str, right: str) -> None:
    reported = refused(made(tmp_path, **{"newsletter.toml": f"# ours\n{line}\n"}))
    assert " (newsletter.toml:2). " in reported
    assert right in reported


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("name = 3", "not a number"),
        ("name = true", "not true or false"),
        ("name = ['a', 'b']", "not a list"),
        ("name = 2026-11-29", "not a date"),
        ("name = { a = 1 }", "not a table"),
        ("max_per_hour = 'ten'", "not a text in quotes"),
        ("greeting_without_name = 'Dag {first_name},'", "Only greeting may hold {first_name}"),
        ("greeting_without_name = 'Dag *|FNAME|*,'", "no name to put there"),
        ("signature = 'Groet, {first_name}'", "Only greeting may hold {first_name}"),
        ('name = "a\\u200bb"', "U+200B (ZERO WIDTH SPACE)"),
        ('name = "\\u200d"', "is empty"),
    ],
)
def test_a_wrong_value_is_explained_in_plain_words(tmp_path: Path, line: str, said: str) -> None:
    assert said in refused(made(tmp_path, **{"newsletter.toml": line}))


@pytest.mark.parametrize(
    "line",
    [
        "name = 'Brief %recipient%'",
        "name = '[Stil] Water & co. <3'",
        "signature = 'Groet, Marijke :-) *'",
        "contact = 'Marijke <m@example.org>, <https://example.org/>'",
        "contact = 'Kade 1\\A'",
        "greeting = 'Dag {first_name} & co.,'",
        "greeting = 'Lieve mensen,'",
        "greeting = ''",
        "signature = ''",
        'signature = """\nGroet,\nMarijke"""',
        'signature = "Groet,\\nMarijke"',
        'contact = "Kade\\u00a01"',
        "language = 'nds-NL'",
        "max_per_second = 0.5",
    ],
)
def test_an_unusual_value_is_kept_as_it_was_written(tmp_path: Path, line: str) -> None:
    ((key, value),) = tomllib.loads(line).items()
    assert getattr(config.load(made(tmp_path, **{"newsletter.toml": line}), {}), key) == value


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("naam", "name"),
        ("Name", "name"),
        ("title", "name"),
        ("afzender", "sender"),
        ("from", "sender"),
        ("reply-to", "reply_to"),
        ("ReplyTo", "reply_to"),
        ("handtekening", "signature"),
        ("accent_colour", "accent_color"),
        ("kleur", "accent_color"),
        ("tijd", "send_time"),
        ("tz", "timezone"),
        ("NEWSLETTER_PROVIDER", "provider"),
    ],
)
def test_an_unknown_key_names_the_one_that_is_meant(tmp_path: Path, key: str, meant: str) -> None:
    reported = refused(made(tmp_path, **{"newsletter.toml": f"\n{key} = 'x'\n"}))
    assert reported == f'unknown setting "{key}" (newsletter.toml:2). Did you mean "{meant}"?'


@pytest.mark.parametrize("key", ["resend_api_key", "RESEND_API_KEY", "secret_key", "password"])
@pytest.mark.parametrize("value", ["'canary'", "canary", "“canary”"])
def test_a_secret_in_the_file_is_refused_and_not_shown(
    tmp_path: Path, key: str, value: str
) -> None:
    reported = refused(made(tmp_path, **{"newsletter.toml": f"{key} = {value}"}))
    assert key in reported
    assert "canary" not in reported


@pytest.mark.parametrize("folder", ["issues", "templates", "config"])
def test_settings_in_a_folder_below_are_an_error(tmp_path: Path, folder: str) -> None:
    (tmp_path / "issues").mkdir()
    (tmp_path / folder).mkdir(exist_ok=True)
    made(tmp_path / folder, **{"newsletter.toml": LINES})
    reported = refused(tmp_path)
    assert reported.startswith(f"{folder}/newsletter.toml is not read")
    made(tmp_path, **{"newsletter.toml": LINES})
    assert config.load(tmp_path, {}).name == "Stil Water"


def test_another_newsletter_in_a_folder_below_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "issues").mkdir()
    (tmp_path / "trial" / "issues").mkdir(parents=True)
    made(tmp_path / "trial", **{"newsletter.toml": LINES})
    assert config.load(tmp_path, {}).name == "My letter"
    assert config.load(tmp_path / "trial", {}).name == "Stil Water"


# The environment


@pytest.mark.parametrize("name", ["RESEND_API_KEY", "NEWSLETTER_SECRET_KEY", "NEWSLETTER_PROVIDER"])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('"canary"', "has quotation marks around its value"),
        ("'canary'", "has quotation marks around its value"),
        ("$(openssl rand -hex canary)", "no value"),
        ("${CANARY_canary}", "no value"),
        ("${{ secrets.canary }}", "no value"),
        ("<canary>", "no value"),
        ("…", "no value"),
    ],
)
def test_a_variable_that_was_not_filled_in_is_an_error(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    with pytest.raises(NewsletterError, match=f"^{name} .*{said}") as caught:
        config.load(tmp_path, {name: value})
    assert "canary" not in str(caught.value)


def test_a_wrong_value_in_a_variable_is_shown_as_a_variable(tmp_path: Path) -> None:
    with pytest.raises(NewsletterError, match="Write: NEWSLETTER_PROVIDER=resend"):
        config.load(tmp_path, {"NEWSLETTER_PROVIDER": "Resend"})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("NEWSLETTER_PROVIDR", "Did you mean NEWSLETTER_PROVIDER?"),
        ("NEWSLETTER_SECRETKEY", "Did you mean NEWSLETTER_SECRET_KEY?"),
        ("NEWSLETER_PROVIDER", "Did you mean NEWSLETTER_PROVIDER?"),
        ("newsletter_provider", "Did you mean NEWSLETTER_PROVIDER?"),
        ("NEWSLETTER_DB_URL", "Did you mean NEWSLETTER_DATABASE_URL?"),
        ("NEWSLETTER_SENDER", "Write sender in the settings file"),
        ("NEWSLETTER_COLOUR_OF_MONEY", "Those that are:"),
        ("RESEND_APIKEY", "Did you mean RESEND_API_KEY?"),
        ("MAILGUN_API_KEYS", "Did you mean MAILGUN_API_KEY?"),
    ],
)
def test_a_variable_that_is_not_read_is_a_warning(name: str, said: str) -> None:
    (reported,) = config.unread_warnings({name: "canary", "PATH": "/bin"})
    assert name in reported
    assert said in reported
    assert "canary" not in reported


@pytest.mark.parametrize(
    "name", ["NEWSLETTER_SEND", "NEWSLETTER_PROVIDER", "SESSION_MANAGER", "RESEND_FROM", "SES_X"]
)
def test_a_variable_of_others_is_no_warning(name: str) -> None:
    assert config.unread_warnings({name: "x"}) == ()


@pytest.mark.parametrize(
    ("variable", "provider"),
    [
        ("RESEND_API_KEY", "resend"),
        ("LETTERMINT_API_TOKEN", "lettermint"),
        ("MAILGUN_API_KEY", "mailgun"),
        ("SES_CONFIGURATION_SET", "ses"),
    ],
)
def test_a_providers_key_beside_the_outbox_is_a_warning(
    tmp_path: Path, variable: str, provider: str
) -> None:
    environment = {variable: "re_canary"}
    reported = config.outbox_warning(config.load(tmp_path, environment), environment)
    assert variable in reported
    assert f'provider = "{provider}"' in reported
    assert "canary" not in reported


def test_without_a_key_or_by_choice_the_outbox_is_no_warning(tmp_path: Path) -> None:
    aws = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_REGION": "eu-west-1"}
    chosen = {"RESEND_API_KEY": "re_x", "NEWSLETTER_PROVIDER": "outbox"}
    used = {"RESEND_API_KEY": "re_x", "NEWSLETTER_PROVIDER": "resend"}
    for environment in ({}, aws, chosen, used):
        assert config.outbox_warning(config.load(tmp_path, environment), environment) == ""


def test_the_command_reports_a_misspelt_variable(root: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("newsletter"), "check"],
        cwd=root,
        env={"NEWSLETTER_PROVIDR": "resend", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert "warning: the variable NEWSLETTER_PROVIDR is not read" in done.stderr


def test_status_and_send_report_that_nobody_is_mailed_though_a_key_is_set(root: Path) -> None:
    def stderr_of(*arguments: str) -> str:
        return subprocess.run(
            [Path(sys.executable).with_name("newsletter"), *arguments],
            cwd=root,
            env={"RESEND_API_KEY": "re_x", "PATH": "/usr/bin:/bin", "HOME": str(root)},
            capture_output=True,
            encoding="utf-8",
            check=False,
        ).stderr

    warning = "warning: RESEND_API_KEY is set, but the provider is the outbox"
    assert warning in stderr_of("status")
    assert warning in stderr_of("send", "--due")
    assert "warning" not in stderr_of("check")


def test_every_command_works_where_python_leaves_docstrings_out(root: Path) -> None:
    for arguments in (["check"], ["status"], ["send", "--due"]):
        done = subprocess.run(
            [Path(sys.executable).with_name("newsletter"), *arguments],
            cwd=root,
            env={"PYTHONOPTIMIZE": "2", "PATH": "/usr/bin:/bin", "HOME": str(root)},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert "unexpected" not in done.stderr
        assert done.returncode == 0, done.stderr
