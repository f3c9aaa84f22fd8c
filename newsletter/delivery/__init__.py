"""Plan, claim, submit, record, recover: an issue to everyone who asked for it, once."""

from newsletter.delivery.accounts import (
    Upcoming,
    missed,
    overview,
    proofed,
    receipt_of,
    upcoming,
)
from newsletter.delivery.decisions import Verdict, cancel, in_doubt, pause, resolve
from newsletter.delivery.due import DueReport, due
from newsletter.delivery.notices import Notices, Round, notice_counts, send_notices
from newsletter.delivery.outlook import Means, Outlook, Remedy, outlook
from newsletter.delivery.proof import Proof, proof
from newsletter.delivery.send import Order, Prospect, Report, send, would_send

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
    "due",
    "in_doubt",
    "missed",
    "notice_counts",
    "outlook",
    "overview",
    "pause",
    "proof",
    "proofed",
    "receipt_of",
    "resolve",
    "send",
    "send_notices",
    "upcoming",
    "would_send",
]
