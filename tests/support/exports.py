"""Exports of other programs as they come: the files in them, by name."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from tests.support.pictures import photo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SUBSCRIBER = "lezeres.van.vroeger@example.net"
"""An address of a subscriber, which stands in every export."""


def zipped(path: Path, files: Mapping[str, str | bytes]) -> Path:
    path.write_bytes(zip_bytes(files))
    return path


def zip_bytes(files: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def unpacked(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


SUBSTACK_COLUMNS = (
    "post_id,post_date,is_published,email_sent_at,inbox_sent_at,type,audience,title,subtitle,"
    "podcast_url"
)


def substack(rows: str, posts: Mapping[str, str]) -> dict[str, str | bytes]:
    """Return an export of Substack with rows, and the HTML of posts by their id."""
    return {
        "posts.csv": f"{SUBSTACK_COLUMNS}\n{rows}",
        **{f"posts/{post}.html": html for post, html in posts.items()},
        "posts/101.opens.csv": b"\xff\xfepost_id,timestamp,email\n101,x," + SUBSCRIBER.encode(),
        "posts/101.delivers.csv": f"post_id,timestamp,email\n101,2021-03-04,{SUBSCRIBER}\n",
        "email_list.stille-brief.csv": f"email,email_disabled\n{SUBSCRIBER},false\n",
    }


_SUBSTACK_LETTER = """\
<p>De kraan in de keuken lekte al weken. Pas toen ik <em>niets</em> meer deed, hoorde ik hem.</p>
<div class="captioned-image-container"><figure><a class="image-link image2" target="_blank"
 href="https://substackcdn.com/image/fetch/kraan.jpg"><div class="image2-inset"><picture>
<source type="image/webp" srcset="https://substackcdn.com/image/fetch/w_424/kraan.jpg 424w">
<img src="https://substackcdn.com/image/fetch/kraan.jpg" alt="Een druppel aan een kraan"
 width="1456" height="970"></picture></div></a>
<figcaption class="image-caption">Zondagochtend, half acht</figcaption></figure></div>
<p class="button-wrapper" data-attrs="{}"><a class="button primary"
 href="https://stillebrief.substack.com/subscribe?"><span>Subscribe now</span></a></p>
<div class="subscription-widget-wrap"><div class="subscription-widget"><p>Thanks for reading!</p>
<form><input type="email" placeholder="Type your email"></form></div></div>
<blockquote><p>Wie luistert, hoeft minder te repareren.</p></blockquote>
<h3>Drie dingen</h3><ul><li><p>Zet de radio uit</p></li><li><p>Wacht een minuut</p></li></ul>
<div><hr></div>
<p>Een noot<a class="footnote-anchor" id="footnote-anchor-1" href="#footnote-1">1</a> tot slot.</p>
<p class="button-wrapper"><a class="button primary"
 href="https://voorbeeld.example/kraan"><span>Lees het hele verhaal</span></a></p>
<p class="button-wrapper"><a class="button primary"
 href="https://stillebrief.substack.com/p/kraan?action=share"><span>Share</span></a></p>
<div class="footnote"><a id="footnote-1" href="#footnote-anchor-1" class="footnote-number">1</a>
<div class="footnote-content"><p>De loodgieter kwam op dinsdag.</p></div></div>
"""

SUBSTACK = substack(
    "101.de-lekkende-kraan,2021-03-04T06:30:00.000Z,true,2021-03-04T06:31:12.000Z,,newsletter,"
    'everyone,"De lekkende kraan, of: luisteren",Wat een druppel je leert,\n'
    "102.alleen-voor-vrienden,2021-03-11T06:30:00.000Z,true,2021-03-11T06:30:00.000Z,,newsletter,"
    "only_paid,Alleen voor vrienden,,\n"
    "103.half-af,,false,,,newsletter,everyone,Half af,,\n"
    "104.over-mij,2021-01-01T10:00:00.000Z,true,,,page,everyone,Over mij,,\n"
    "105.zoekgeraakt,2021-04-01T05:30:00.000Z,true,,,newsletter,everyone,Zoekgeraakt,,\n",
    {
        "101.de-lekkende-kraan": _SUBSTACK_LETTER,
        "102.alleen-voor-vrienden": "<p>Een geheim.</p>",
        "103.half-af": "<p>Nog niet af.</p>",
        "104.over-mij": "<p>Dit ben ik.</p>",
    },
)


def ghost_post(number: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON holds
    """Return a row of Ghost's table of posts."""
    return {
        "id": f"{number:024x}",
        "uuid": f"00000000-0000-4000-8000-{number:012d}",
        "title": f"Brief {number}",
        "slug": f"brief-{number}",
        "mobiledoc": None,
        "lexical": None,
        "html": f"<p>De tekst van brief {number}.</p>",
        "plaintext": None,
        "feature_image": None,
        "featured": 0,
        "type": "post",
        "status": "published",
        "visibility": "public",
        "email_recipient_filter": "all",
        "published_at": f"2022-05-{number:02d}T05:00:00.000Z",
        "custom_excerpt": None,
        "canonical_url": None,
        "newsletter_id": "62750bff2b868a34f814af08",
        **more,
    }


def ghost(*posts: dict[str, Any], **tables: list[dict[str, Any]]) -> str:
    """Return an export of Ghost, as its page of settings gives it."""
    data = {
        "posts": list(posts),
        "users": [{"id": "1", "name": "De schrijver", "email": SUBSCRIBER}],
        "newsletters": [{"id": "62750bff2b868a34f814af08", "sender_email": SUBSCRIBER}],
        **tables,
    }
    meta = {"exported_on": 1664543210987, "version": "5.17.1"}
    return json.dumps({"db": [{"meta": meta, "data": data}]})


_GHOST_LETTER = """\
<p>In de tuin van <a href="__GHOST_URL__/mijn-oma/">mijn oma</a> stond een bank zonder leuning.</p>
<div class="kg-card kg-callout-card kg-callout-card-blue"><div class="kg-callout-emoji">💡</div>
<div class="kg-callout-text">Waar leun jij op, zonder dat je het merkt?</div></div>
<figure class="kg-card kg-image-card kg-card-hascaption"><img
 src="__GHOST_URL__/content/images/size/w1000/2022/05/bank.jpg" class="kg-image" alt="Een bank"
 loading="lazy" width="2000" height="1333"><figcaption>De bank, in mei</figcaption></figure>
<!--kg-gated-block:begin nonMember:false memberSegment:"status:free,status:-free" -->
<p>Dit zagen alleen leden.</p>
<!--kg-gated-block:end-->
<figure class="kg-card kg-bookmark-card"><a class="kg-bookmark-container"
 href="https://voorbeeld.example/banken"><div class="kg-bookmark-content"><div
 class="kg-bookmark-title">Over banken</div>
<div class="kg-bookmark-description">Een site</div></div></a></figure>
<div class="kg-card kg-signup-card"><form><button>Subscribe</button></form></div>
<div class="kg-card kg-button-card kg-align-center"><a href="https://voorbeeld.example/leunen"
 class="kg-btn kg-btn-accent">Lees verder</a></div>
"""

GHOST = ghost(
    ghost_post(
        1,
        title="De bank zonder leuning",
        slug="de-bank-zonder-leuning",
        html=_GHOST_LETTER,
        custom_excerpt="Over zitten zonder steun",
        canonical_url="https://voorbeeld.example/leunen/",
    ),
    ghost_post(2, status="draft", published_at=None),
    ghost_post(3, visibility="paid"),
    ghost_post(4, type="page"),
    ghost_post(5, status="sent", email_recipient_filter="status:-free"),
    ghost_post(6, status="sent", html=None),
    tags=[
        {"id": "a", "name": "rust", "slug": "rust", "visibility": "public"},
        {"id": "b", "name": "#brief", "slug": "hash-brief", "visibility": "internal"},
        {"id": "c", "name": "De tuin, en zo", "slug": "tuin", "visibility": "public"},
    ],
    posts_tags=[
        {"post_id": f"{1:024x}", "tag_id": "c", "sort_order": 1},
        {"post_id": f"{1:024x}", "tag_id": "b", "sort_order": 2},
        {"post_id": f"{1:024x}", "tag_id": "a", "sort_order": 0},
    ],
    posts_meta=[{"post_id": f"{1:024x}", "email_subject": "Een bank, en verder niets"}],
)
GHOST_FILES: dict[str, str | bytes] = {
    "stille-brief.ghost.2022-09-30-13-06-50.json": GHOST,
    "content/images/2022/05/bank.jpg": photo(800, 600),
}

BUTTONDOWN: dict[str, str | bytes] = {
    "emails.csv": (
        "id,secondary_id,subject,publish_date,source,slug\n"
        "abcd1234-7fee-4942-a9cf-0de5d4ebb255,1,Het open raam,2023-01-02 16:55:00+00:00,app,"
        "het-open-raam\n"
        "efab5678-16d8-4e02-979f-38fdfbe04624,2,De gewone dag,2023-01-05 13:00:00+00:00,app,"
        "de-gewone-dag\n"
    ),
    "emails/het-open-raam.md": (
        "<!-- buttondown-editor-mode: plaintext -->Hoi {{ subscriber.metadata.first_name }},\n\n"
        "Het raam klemde **al jaren**. Gisteren ging het open, {{ subscriber.email }}.\n\n"
        "- Wat houd jij dicht? → Het hoeft geen raam te zijn.\n\n"
        '{% if subscriber.subscriber_type == "premium" %}Dank voor je bijdrage.{% else %}Fijn dat '
        "je leest.{% endif %}\n\n"
        "![Een raam](https://assets.buttondown.email/images/raam.png)\n\n"
        "[Afmelden]({{ unsubscribe_url }})\n"
    ),
    "emails/de-gewone-dag.md": (
        "<!-- buttondown-editor-mode: fancy --><h2>Vandaag</h2><p>Er gebeurde <strong>niets"
        "</strong>, en dat was veel.</p><script>alert(1)</script>"
    ),
    "subscribers.csv": f"email,type\n{SUBSCRIBER},regular\n",
}

BUTTONDOWN_FOLDER: dict[str, str | bytes] = {
    "emails/de-sleutel.md": (
        "---\nid: abc123xyz\nsubject: De sleutel\nstatus: sent\nslug: de-sleutel\n"
        "publish_date: 2024-01-15T10:00:00Z\ndescription: Over zoeken\n"
        "canonical_url: https://voorbeeld.example/sleutel\n---\n\nHij lag in mijn andere jas.\n\n"
        "![De jas](../media/jas.jpg)\n"
    ),
    "emails/nog-niet.md": "---\nsubject: Nog niet\nstatus: draft\n---\n\nHalf.\n",
    "emails/besloten.md": (
        "---\nsubject: Besloten\nstatus: sent\nemail_type: premium\n"
        "publish_date: 2024-02-15T10:00:00Z\n---\n\nVoor enkelen.\n"
    ),
    "media/jas.jpg": photo(640, 480),
}

MAILCHIMP_COLUMNS = (
    "Title,Subject,List,Send Date,Send Weekday,Total Recipients,Successful Deliveries,Soft Bounces,"
    "Unique Opens,Open Rate,Unique Id"
)


def mailchimp_page(inner: str, preview: str = "Een kort woord vooraf") -> str:
    """Return the HTML of a campaign, as the editor with blocks makes it."""
    return f"""\
<!doctype html><html><head><meta charset="utf-8"><title>*|MC:SUBJECT|*</title>
<style>p{{margin:10px 0}} .mcnPreviewText{{display:none !important}}</style></head><body>
<!--*|IF:MC_PREVIEW_TEXT|*--><span class="mcnPreviewText" style="display:none; font-size:0px;">
{preview}&#847;&zwnj;&nbsp;</span><!--*|END:IF|*-->
<center><table width="100%" id="bodyTable"><tr><td id="bodyCell">
<table class="templateContainer"><tr><td id="templatePreheader"><table class="mcnTextBlock"><tr>
<td class="mcnTextContent"><a href="*|ARCHIVE|*">View this email in your browser</a></td></tr>
</table></td></tr><tr><td id="templateBody"><table class="mcnTextBlock"><tbody><tr>
<td class="mcnTextBlockInner"><table><tbody><tr><td class="mcnTextContent">{inner}</td></tr></tbody>
</table></td></tr></tbody></table>
<table class="mcnButtonBlock"><tr><td class="mcnButtonBlockInner"><table
 class="mcnButtonContentContainer"><tr><td class="mcnButtonContent"><a class="mcnButton"
 href="https://voorbeeld.example/fiets?utm_source=brief&mc_cid=1">Lees verder</a></td>
</tr></table></td></tr></table></td></tr>
<tr><td id="templateFooter"><table class="mcnFollowBlock"><tr><td><a href="https://facebook.com/x">
Facebook</a></td></tr></table><table><tr><td class="mcnTextContent"><em>Copyright © *|CURRENT_YEAR|*
*|LIST:COMPANY|*, All rights reserved.</em><br><br>You can <a href="*|UPDATE_PROFILE|*">update your
preferences</a> or <a href="*|UNSUB|*">unsubscribe from this list</a>.</td></tr></table></td></tr>
</table></td></tr></table></center>
<img src="https://stille.us1.list-manage.com/track/open.php?u=1&id=2&e=*|UNIQID|*" height="1"
 width="1" alt=""></body></html>"""


MAILCHIMP: dict[str, str | bytes] = {
    "1234567/abcdef0123/campaigns.csv": (
        f"{MAILCHIMP_COLUMNS}\n"
        'Brief 12,De fiets van de buurman,De brief,"May 19, 2019 06:00 pm",Sunday,212,210,2,120,'
        "57%,1a2b3c4d5e\n"
        'Brief 13,Een lege agenda,De brief,"May 26, 2019 06:00 pm",Sunday,214,214,0,118,55%,'
        "6f7a8b9c0d\n"
        'Brief 13,Een lege agenda,De brief,"Jun 02, 2019 06:00 pm",Sunday,214,214,0,118,55%,'
        "7f7a8b9c0d\n"
    ),
    "1234567/abcdef0123/campaigns_content/5000123_-brief-12-.html": mailchimp_page(
        "Dag *|FNAME|*,<br><br>De buurman heeft een fiets die <b>niemand</b> op slot zet.<br>Ook "
        "hij niet.<br><br>*|IF:LEDEN|*Leden krijgen korting.*|ELSE:|*Wat laat jij open staan?"
        '*|END:IF|*<br><br><img src="https://mcusercontent.com/abc/images/fiets.jpg" alt="De fiets"'
        ' width="564"><br>Groet, de schrijver'
    ),
    "1234567/abcdef0123/campaigns_content/5000123_-brief-12-.txt": "** Dag *|FNAME|*",
    "1234567/abcdef0123/campaigns_content/5000200_-brief-13-.html": mailchimp_page(
        "<p>De eerste.</p>"
    ),
    "1234567/abcdef0123/campaigns_content/5000201_-brief-13-.html": mailchimp_page(
        "<p>De tweede.</p>"
    ),
    "1234567/abcdef0123/campaigns_content/5000300_-proef-.html": mailchimp_page(
        "<p>Een proef.</p>"
    ),
    "1234567/abcdef0123/audiences/1_de-brief/subscribed_members_export.csv": (
        f"Email Address,First Name\n{SUBSCRIBER},Anna\n"
    ),
    "1234567/abcdef0123/files/images/fiets.jpg": photo(700, 500),
}
