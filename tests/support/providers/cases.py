"""The providers that the contract is tested with: the `CASES` of each fake."""

from __future__ import annotations

import importlib

from newsletter.config import PROVIDERS
from newsletter.providers import OUTBOX
from tests.support.providers.case import Case

__all__ = ["CASES", "LETTERMINT", "MAILGUN", "RESEND", "SES", "SES_BULK", "Case"]

CASES: tuple[Case, ...] = tuple(
    case
    for name in PROVIDERS
    if name != OUTBOX
    for case in importlib.import_module(f"tests.support.providers.fake_{name}").CASES
)
_BY_NAME = {case.name: case for case in CASES}
RESEND, LETTERMINT, MAILGUN = _BY_NAME["resend"], _BY_NAME["lettermint"], _BY_NAME["mailgun"]
SES, SES_BULK = _BY_NAME["ses"], _BY_NAME["ses_bulk"]
