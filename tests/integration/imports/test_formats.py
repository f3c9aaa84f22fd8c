"""Exports of the tools people come from, in their own columns and words, with invented people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from newsletter.errors import NewsletterError
from newsletter.subscriptions import admin as list_
from tests.support.subscribers import fresh_store, import_text, rows, sql, statuses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.store import Store

MAILCHIMP = (
    '"Email Address","First Name","Last Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,'
    "CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS"
)
MAILCHIMP_ROW = (
    '{email},Anna,Vries,2,,,"2021-03-04 05:06:07",192.0.2.7,,,,,,,,"2021-03-05 05:06:07",'
    '1,a1,,"""lezer"",""web"""'
)

# Tool: the file, and what becomes of its people.
EXPORTS = {
    "mailerlite": (
        (
            "Subscriber,Status,Name,Last name,Sent,Opens,Clicks,Subscribed,Opt-in IP,Unsubscribed\n"
            "anna@example.org,Active,Anna,Vries,4,3,1,2021-03-04 05:06:07,192.0.2.7,\n"
            "bas@example.org,Unsubscribed,Bas,,4,0,0,2021-03-04 05:06:07,,2022-01-01 00:00:00\n"
            "cor@example.org,Bounced,Cor,,4,0,0,2021-03-04 05:06:07,,\n"
            "dirk@example.org,Junk,Dirk,,4,0,0,2021-03-04 05:06:07,,\n"
            "eva@example.org,Unconfirmed,Eva,,0,0,0,2021-03-04 05:06:07,,\n"
        ),
        "active unsubscribed bounced complained pending",
    ),
    "mailerlite in dutch": (
        (
            "E-mail;Status;Naam;Achternaam;Inschrijfdatum;Uitschrijfdatum\n"
            "anna@example.org;Actief;Anna;Vries;2021-03-04 05:06:07;\n"
            "bas@example.org;Uitgeschreven;Bas;;2021-03-04 05:06:07;2022-01-01 00:00:00\n"
            "cor@example.org;Teruggestuurd;Cor;;2021-03-04 05:06:07;\n"
            "dirk@example.org;Spam;Dirk;;2021-03-04 05:06:07;\n"
            "eva@example.org;Onbevestigd;Eva;;2021-03-04 05:06:07;\n"
        ),
        "active unsubscribed bounced complained pending",
    ),
    "brevo": (
        (
            "CONTACT ID;EMAIL;FIRSTNAME;LASTNAME;SMS;EMAIL_BLACKLISTED;SMS_BLACKLISTED;ADDED_TIME\n"
            "1;anna@example.org;Anna;Vries;+31600000000;No;Yes;2021-03-04 05:06:07\n"
            "2;bas@example.org;Bas;;;Yes;No;2021-03-04 05:06:07\n"
        ),
        "active unsubscribed",
    ),
    "substack": (
        (
            "email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at\n"
            "anna@example.org,false,,other,false,2021-03-04T05:06:07.000Z,\n"
            "bas@example.org,true,2027-01-01,yearly,true,2021-03-04T05:06:07.000Z,\n"
        ),
        "active unsubscribed",
    ),
    "ghost": (
        (
            "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,"
            "deleted_at,labels,tiers\n"
            "a1,anna@example.org,Anna Vries,,true,false,,2021-03-04T05:06:07.000Z,,,\n"
            "b2,bas@example.org,Bas,,false,false,,2021-03-04T05:06:07.000Z,,,\n"
            "c3,cor@example.org,Cor,,true,false,,2021-03-04T05:06:07.000Z,2022-01-01T00:00:00.000Z,,\n"
        ),
        "active unsubscribed unsubscribed",
    ),
    "buttondown": (
        (
            "id,creation_date,email_address,ip_address,metadata,notes,referrer_url,tags,type,source\n"
            '1,2021-03-04T05:06:07Z,anna@example.org,192.0.2.7,"{""a"": 1}",,,,regular,organic\n'
            "2,2021-03-04T05:06:07Z,bas@example.org,,{},,,,unsubscribed,organic\n"
            "3,2021-03-04T05:06:07Z,cor@example.org,,{},,,,undeliverable,organic\n"
            "4,2021-03-04T05:06:07Z,dirk@example.org,,{},,,,spammy,organic\n"
            "5,2021-03-04T05:06:07Z,eva@example.org,,{},,,,unactivated,organic\n"
        ),
        "active unsubscribed bounced complained pending",
    ),
    "listmonk": (
        (
            "uuid,email,name,attributes,status,created_at,updated_at\n"
            "a1,anna@example.org,Anna Vries,{},enabled,2021-03-04 05:06:07.123456 +0000 UTC,\n"
            "b2,bas@example.org,Bas,{},blocklisted,2021-03-04 05:06:07.123456 +0000 UTC,\n"
            "c3,cor@example.org,Cor,{},disabled,2021-03-04 05:06:07.123456 +0000 UTC,\n"
        ),
        "active unsubscribed unsubscribed",
    ),
    "laposta": (
        (
            "member_id,email,state,signup_date,confirm_date,ip,voornaam\n"
            "a1,anna@example.org,active,2021-03-04 05:06:07,2021-03-04 05:06:07,192.0.2.7,Anna\n"
            "b2,bas@example.org,unsubscribed,2021-03-04 05:06:07,,,Bas\n"
            "c3,cor@example.org,cleaned,2021-03-04 05:06:07,,,Cor\n"
            "d4,dirk@example.org,unconfirmed,2021-03-04 05:06:07,,,Dirk\n"
        ),
        "active unsubscribed bounced pending",
    ),
    "kit": (
        (
            "id,first_name,email_address,state,created_at,canceled_at\n"
            "1,Anna,anna@example.org,active,2021-03-04T05:06:07Z,\n"
            "2,Bas,bas@example.org,cancelled,2021-03-04T05:06:07Z,2024-02-01T10:00:00Z\n"
            "3,Cor,cor@example.org,bounced,2021-03-04T05:06:07Z,\n"
            "4,Dirk,dirk@example.org,complained,2021-03-04T05:06:07Z,\n"
            "5,Eva,eva@example.org,inactive,2021-03-04T05:06:07Z,\n"
        ),
        "active unsubscribed bounced complained pending",
    ),
    "hubspot": (
        (
            "Record ID,First Name,Last Name,Email,Marketing contact status,Unsubscribed from all"
            " email,Opted out of email: Weekbrief,Email hard bounce reason,Marketing emails"
            " bounced,Create Date\n"
            "1,Anna,Vries,anna@example.org,Marketing contact,,,,0,2021-03-04 05:06:07\n"
            "2,Bas,,bas@example.org,Marketing contact,true,,,1,2021-03-04 05:06:07\n"
            "3,Cor,,cor@example.org,Marketing contact,,,UNKNOWN_USER,3,2021-03-04 05:06:07\n"
            "4,Dirk,,dirk@example.org,Marketing contact,,Yes,,0,2021-03-04 05:06:07\n"
        ),
        "active unsubscribed bounced unsubscribed",
    ),
    "klaviyo": (
        (
            "Email,Klaviyo ID,First Name,Last Name,Email Marketing Consent,Email Marketing Consent"
            " Timestamp,SMS Marketing Consent,Email Suppressions,State / Region\n"
            "anna@example.org,A,Anna,Vries,SUBSCRIBED,2021-03-04T05:06:07+00:00,UNSUBSCRIBED,[],ZH\n"
            "bas@example.org,B,Bas,,UNSUBSCRIBED,2021-03-04T05:06:07+00:00,,[],ZH\n"
            'cor@example.org,C,Cor,,SUBSCRIBED,,,"[""HARD_BOUNCE""]",\n'
            'dirk@example.org,D,Dirk,,SUBSCRIBED,,,"[""USER_SUPPRESSED"", ""SPAM_COMPLAINT""]",\n'
        ),
        "active unsubscribed bounced complained",
    ),
    "mailpoet": (
        (
            '"Email","First name","Last name","Global status","List status","Subscription IP",'
            '"Subscription time","List"\n'
            '"anna@example.org","Anna","Vries \\"x\\"","subscribed","subscribed","192.0.2.7",'
            '"2021-03-04 05:06:07","Weekbrief"\n'
            '"bas@example.org","Bas","","subscribed","unsubscribed","","2021-03-04 05:06:07","W"\n'
            '"cor@example.org","Cor","","bounced","subscribed","","2021-03-04 05:06:07","W"\n'
            '"dirk@example.org","Dirk","","unconfirmed","subscribed","","2021-03-04 05:06:07","W"\n'
        ),
        "active unsubscribed bounced pending",
    ),
    "beehiiv": (
        (
            "email,first_name,status,created_at,subscription_tier,utm_source\n"
            "anna@example.org,Anna,active,2021-03-04T05:06:07Z,free,newsletter\n"
            "bas@example.org,Bas,inactive,2021-03-04T05:06:07Z,free,\n"
        ),
        "active unsubscribed",
    ),
    "activecampaign": (
        (
            "Email,First Name,Last Name,Phone,Date Created,IP Address,Status\n"
            "anna@example.org,Anna,Vries,,2021-03-04 05:06:07,192.0.2.7,Active\n"
            "bas@example.org,Bas,,,2021-03-04 05:06:07,,Unsubscribed\n"
            "cor@example.org,Cor,,,2021-03-04 05:06:07,,Bounced\n"
            "dirk@example.org,Dirk,,,2021-03-04 05:06:07,,Unconfirmed\n"
        ),
        "active unsubscribed bounced pending",
    ),
    "sendy, with a header": (
        (
            "name,email,status,joined\n"
            "Anna Vries,anna@example.org,Subscribed,2021-03-04 05:06:07\n"
            "Bas,bas@example.org,Unsubscribed,2021-03-04 05:06:07\n"
            "Cor,cor@example.org,Bounced,2021-03-04 05:06:07\n"
            "Dirk,dirk@example.org,Complained,2021-03-04 05:06:07\n"
        ),
        "active unsubscribed bounced complained",
    ),
}
NAMELESS = ("substack", "buttondown")  # their exports have no column for it
PEOPLE = ("anna", "bas", "cor", "dirk", "eva")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = fresh_store(tmp_path)
    yield store
    store.close()


@pytest.mark.parametrize("tool", EXPORTS)
def test_an_export_is_recognised_as_it_is(store: Store, tmp_path: Path, tool: str) -> None:
    text, expected = EXPORTS[tool]
    report = import_text(store, tmp_path, text)
    wanted = dict(zip((f"{name}@example.org" for name in PEOPLE), expected.split(), strict=False))
    assert statuses(store) == wanted
    assert (report.added, report.skipped) == (1, len(wanted) - 1)
    anna = rows(store)["anna@example.org"]
    assert anna["first_name"] == (None if tool in NAMELESS else "Anna")
    history = list_.load_history(store, "anna@example.org")
    assert isinstance(history, list_.SubscriberHistory)
    assert f"{history.consents[0].at:%Y-%m-%d %H:%M:%S}" == "2021-03-04 05:06:07"


def test_mailups_file_is_of_leavers(store: Store, tmp_path: Path) -> None:
    text = (
        "email,idList,OptOut_Date,Subscription Date,optout_nl,optout_type,optout_subtype\n"
        "anna@example.org,1,20240122T111244,20210121T141244,0,0,0\n"
        "bas@example.org,1,20240122T111244,20210121T141244,161,2,0\n"
        "cor@example.org,1,20240122T111244,20210121T141244,161,8,1\n"
        "dirk@example.org,1,20240122T111244,20210121T141244,161,16,0\n"
    )
    import_text(store, tmp_path, text)
    assert list(statuses(store).values()) == [
        *("unsubscribed", "unsubscribed", "bounced", "complained")
    ]
    ((left_at,), *_) = sql(store, "SELECT left_at FROM subscribers")
    assert str(left_at).startswith("2024-01-22 11:12:44")


def test_hubspots_file_of_opt_outs_is_of_leavers(store: Store, tmp_path: Path) -> None:
    text = (
        "Email,Portal Bounce,Portal Unsubscribe,Portal Spam Report,Global Bounce,Marketing"
        " Information,Weekbrief\n"
        "anna@example.org,FALSE,TRUE,FALSE,FALSE,FALSE,FALSE\n"
        "bas@example.org,TRUE,FALSE,FALSE,FALSE,FALSE,FALSE\n"
        "cor@example.org,FALSE,FALSE,TRUE,FALSE,FALSE,FALSE\n"
        "dirk@example.org,FALSE,FALSE,FALSE,FALSE,FALSE,TRUE\n"
        "eva@example.org,FALSE,FALSE,FALSE,FALSE,FALSE,FALSE\n"
    )
    for options in ({}, {"all_subscribed": True}, {"leavers_only": True}):
        assert import_text(store, tmp_path, text, **options).skipped == 5
    assert list(statuses(store).values()) == [
        *("unsubscribed", "bounced", "complained", "unsubscribed", "unsubscribed")
    ]


def test_a_state_is_a_status_only_if_all_its_words_are(store: Store, tmp_path: Path) -> None:
    text = "email,status,state\nanna@example.org,active,Utrecht\nbas@example.org,active,\n"
    assert import_text(store, tmp_path, text).added == 2
    with pytest.raises(NewsletterError, match='"state" holds "cancelled", "Utrecht"'):
        import_text(store, tmp_path, f"{text}cor@example.org,active,cancelled\n")


def test_mailchimps_subscribed_file_needs_all_subscribed(store: Store, tmp_path: Path) -> None:
    text = "\n".join([MAILCHIMP, MAILCHIMP_ROW.format(email="anna@example.org")])
    with pytest.raises(NewsletterError, match="--all-subscribed"):
        import_text(store, tmp_path, text)
    assert import_text(store, tmp_path, text, all_subscribed=True).added == 1
    history = list_.load_history(store, "anna@example.org")
    assert isinstance(history, list_.SubscriberHistory)
    (consent,) = history.consents
    assert (f"{consent.at:%Y-%m-%d %H:%M:%S}", consent.ip) == ("2021-03-04 05:06:07", "192.0.2.7")


@pytest.mark.parametrize(
    ("column", "kept_as"), [("UNSUB_TIME", "unsubscribed"), ("CLEAN_TIME", "bounced")]
)
def test_mailchimps_other_files_are_of_leavers(
    store: Store, tmp_path: Path, column: str, kept_as: str
) -> None:
    row = MAILCHIMP_ROW.format(email="anna@example.org")
    text = f'{MAILCHIMP},{column}\n{row},"2022-01-01 00:00:00"\n'
    for options in ({}, {"all_subscribed": True}):
        report = import_text(store, tmp_path, text, **options)
        assert report.skipped == 1
        assert statuses(store) == {"anna@example.org": kept_as}


def test_mailchimps_reasons_of_leaving_stop_nothing(store: Store, tmp_path: Path) -> None:
    row = MAILCHIMP_ROW.format(email="anna@example.org")
    more = "UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER"
    text = f'{MAILCHIMP},{more}\n{row},"2022-01-01 00:00:00",Brief,a1,OTHER,te druk\n'
    assert import_text(store, tmp_path, text).reasons == {"unsubscribed in the file": 1}


def test_a_row_without_a_status_in_a_file_that_has_them_is_not_sure(
    store: Store, tmp_path: Path
) -> None:
    row = MAILCHIMP_ROW.format(email="anna@example.org")
    report = import_text(store, tmp_path, f"{MAILCHIMP},UNSUB_TIME\n{row},\n")
    assert report.reasons == {"no status given": 1}
    assert statuses(store) == {}


def test_a_paid_plan_is_no_status_and_a_type_of_letter_neither(
    store: Store, tmp_path: Path
) -> None:
    text = "email,active_subscription,type\nanna@example.org,true,html\n"
    with pytest.raises(NewsletterError, match="who is subscribed"):
        import_text(store, tmp_path, text)


@pytest.mark.parametrize(
    ("header", "cell", "kept_as"),
    [
        ("active", "1", "active"),
        ("active", "0", "unsubscribed"),
        ("Opt-in", "ja", "active"),
        ("Opt-in", "nee", "unsubscribed"),
        ("subscribed", "maybe", None),
        ("confirmed", "no", "pending"),
        ("status,state", "active,Utrecht", "active"),
    ],
)
def test_yes_and_no_are_understood(
    store: Store, tmp_path: Path, header: str, cell: str, kept_as: str | None
) -> None:
    text = f"email,{header}\nanna@example.org,{cell}\n"
    import_text(store, tmp_path, text)
    assert statuses(store) == ({"anna@example.org": kept_as} if kept_as else {})


def test_who_never_confirmed_is_pending_even_if_all_subscribed(
    store: Store, tmp_path: Path
) -> None:
    text = "email,confirmed\nanna@example.org,no\nbas@example.org,yes\n"
    import_text(store, tmp_path, text, all_subscribed=True)
    assert statuses(store) == {"anna@example.org": "pending", "bas@example.org": "active"}


@pytest.mark.parametrize(
    ("cells", "kept_as"),
    [
        ("active,no,", "active"),
        ("active,,", "active"),
        ("active,yes,", "unsubscribed"),
        ("active,no,2022-01-01", "bounced"),
        ("unconfirmed,no,", "pending"),
        ("complained,yes,2022-01-01", "complained"),
        ("active,0000-00-00 00:00:00,null", "active"),
    ],
)
def test_the_most_restrictive_column_wins(
    store: Store, tmp_path: Path, cells: str, kept_as: str
) -> None:
    import_text(
        store, tmp_path, f"email,status,unsubscribed,bounced_at\nanna@example.org,{cells}\n"
    )
    assert statuses(store) == {"anna@example.org": kept_as}


def test_columns_with_other_names_can_be_pointed_at(store: Store, tmp_path: Path) -> None:
    text = (
        "Wie;Roepnaam;Hoe staat het;Sinds;Vanaf\n"
        "anna@example.org;Anna;actief;2021-03-04;192.0.2.7\n"
    )
    mapping = {"email": "wie", "first_name": "ROEPNAAM", "status": "hoe_staat_het"}
    mapping |= {"opted_in_at": "Sinds", "ip": "Vanaf"}
    assert import_text(store, tmp_path, text, mapping=mapping).added == 1
    history = list_.load_history(store, "anna@example.org")
    assert isinstance(history, list_.SubscriberHistory)
    assert history.subscriber.first_name == "Anna"
    assert (f"{history.consents[0].at:%Y-%m-%d}", history.consents[0].ip) == (
        "2021-03-04",
        "192.0.2.7",
    )


@pytest.mark.parametrize(
    ("header", "column", "says"),
    [
        ("email,status", "nergens", 'has no column "nergens"; the columns are "email", "status"'),
        ("email,naam,Naam", "naam", 'has more than one column "naam"'),
    ],
)
def test_a_column_that_cannot_be_pointed_at_is_named(
    store: Store, tmp_path: Path, header: str, column: str, says: str
) -> None:
    with pytest.raises(NewsletterError, match=says):
        import_text(store, tmp_path, f"{header}\nx,y\n", mapping={"first_name": column})


def test_a_report_names_no_address_and_not_every_word(store: Store, tmp_path: Path) -> None:
    lines = [f"p{n}@example.org,raar{n}" for n in range(300)]
    text = "\n".join(["email,status", "a@example.org,b@example.org", *lines])
    report = import_text(store, tmp_path, text)
    assert report.reasons["unknown status an address"] == 1
    assert report.reasons["other reasons"] > 150
    assert sum(report.reasons.values()) == report.skipped == 301
    assert not any("@" in reason for reason in report.reasons)
