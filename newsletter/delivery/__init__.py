"""Plan, claim, submit, record, recover: an issue to everyone who asked for it, once."""

from newsletter.delivery.control import Verdict, cancel, in_doubt, pause, resolve
from newsletter.delivery.notices import Notices, Round, notice_counts, send_notices
from newsletter.delivery.planning import Order
from newsletter.delivery.proof import Proof, proof
from newsletter.delivery.rehearsal import rehearse, rehearsing
from newsletter.delivery.resolution import Means, Outlook, Remedy, command, outlook
from newsletter.delivery.scheduler import DueReport, due
from newsletter.delivery.send import Prospect, Report, send, would_send
from newsletter.delivery.upcoming import (
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
