"""Plan, claim, submit, record, recover: an issue to everyone who asked for it, once."""

from newsletter.delivery.accounts import (
    Upcoming,
    could_go,
    is_proofed,
    missed,
    overview,
    proofed,
    receipt_of,
    slugs,
    time_of,
    upcoming,
)
from newsletter.delivery.decisions import Verdict, cancel, in_doubt, pause, resolve
from newsletter.delivery.due import DueReport, due
from newsletter.delivery.notices import Notices, Round, notice_counts, send_notices
from newsletter.delivery.outlook import Means, Outlook, Remedy, command, outlook
from newsletter.delivery.plan import Order
from newsletter.delivery.proof import Proof, proof
from newsletter.delivery.rehearsal import rehearse, rehearsing
from newsletter.delivery.send import Prospect, Report, send, would_send

__all__ = [
    "DueReport",
    "Means",
    "Notices",
    "Order",
    "Outlook",
    "Proof",
    "Prospect",
    "Remedy",
    "Report",
    "Round",
    "Upcoming",
    "Verdict",
    "cancel",
    "command",
    "could_go",
    "due",
    "in_doubt",
    "is_proofed",
    "missed",
    "notice_counts",
    "outlook",
    "overview",
    "pause",
    "proof",
    "proofed",
    "receipt_of",
    "rehearse",
    "rehearsing",
    "resolve",
    "send",
    "send_notices",
    "slugs",
    "time_of",
    "upcoming",
    "would_send",
]
