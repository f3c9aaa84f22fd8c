"""Plan, claim, submit, settle, recover: an issue to everyone who asked for it, once."""

from newsletter.delivery.approval import Approvals, LetterApproval, proof_command
from newsletter.delivery.approval_lines import approval_line
from newsletter.delivery.audience import MissingDigest, find_missing_digest
from newsletter.delivery.context import Context
from newsletter.delivery.control import (
    UnknownDecision,
    cancel_mailing,
    pause_mailing,
    report_unknown,
    resolve_unknown,
)
from newsletter.delivery.errata import (
    Erratum,
    archived_slugs,
    count_undecided,
    plan_erratum,
    publish_erratum,
    read_erratum,
    refuse_imported,
    withdraw_issue,
)
from newsletter.delivery.forecast import (
    MailingForecast,
    Resolution,
    ResolutionMethod,
    forecast_mailing,
    resume_command,
)
from newsletter.delivery.messages import IMPORTED
from newsletter.delivery.notices import NoticeRun, NoticeSender, count_notices, send_notices
from newsletter.delivery.planning import Plan, Resumption, SendRequest, plan_send
from newsletter.delivery.proof import Proof, send_proof
from newsletter.delivery.rehearsal import rehearsal_settings, rehearse_issue
from newsletter.delivery.scheduler import DueResult, send_due
from newsletter.delivery.send import SendResult, report_resumption, send_issue, send_plan
from newsletter.delivery.upcoming import (
    Upcoming,
    current_time,
    find_missed,
    find_report,
    find_upcoming,
    is_sendable,
    mailing_slugs,
    recent_reports,
)

__all__ = [
    "IMPORTED",
    "Approvals",
    "Context",
    "DueResult",
    "Erratum",
    "LetterApproval",
    "MailingForecast",
    "MissingDigest",
    "NoticeRun",
    "NoticeSender",
    "Plan",
    "Proof",
    "Resolution",
    "ResolutionMethod",
    "Resumption",
    "SendRequest",
    "SendResult",
    "UnknownDecision",
    "Upcoming",
    "approval_line",
    "archived_slugs",
    "cancel_mailing",
    "count_notices",
    "count_undecided",
    "current_time",
    "find_missed",
    "find_missing_digest",
    "find_report",
    "find_upcoming",
    "forecast_mailing",
    "is_sendable",
    "mailing_slugs",
    "pause_mailing",
    "plan_erratum",
    "plan_send",
    "proof_command",
    "publish_erratum",
    "read_erratum",
    "recent_reports",
    "refuse_imported",
    "rehearsal_settings",
    "rehearse_issue",
    "report_resumption",
    "report_unknown",
    "resolve_unknown",
    "resume_command",
    "send_due",
    "send_issue",
    "send_notices",
    "send_plan",
    "send_proof",
    "withdraw_issue",
]
