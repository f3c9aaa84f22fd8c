"""Plan, claim, submit, record, recover: an issue to everyone who asked for it, once."""

from newsletter.delivery.accounts import Upcoming, missed, overview, receipt_of, upcoming
from newsletter.delivery.decisions import Verdict, cancel, pause, resolve
from newsletter.delivery.send import Order, Prospect, Report, send, would_send

__all__ = [
    "Order",
    "Prospect",
    "Report",
    "Upcoming",
    "Verdict",
    "cancel",
    "missed",
    "overview",
    "pause",
    "receipt_of",
    "resolve",
    "send",
    "upcoming",
    "would_send",
]
