"""The good set-up with which the accounts of all fakes begin; a test changes it."""

from __future__ import annotations

from tests.support.providers.sns import TOPIC

DOMAIN = "example.org"
PUBLIC_URL = "https://brief.example.org"
RESEND_SECRET = "whsec_c2VjcmV0IG9mIHRoZXNlIHRlc3Rz"
MAILGUN_SECRET = "key-of-these-webhooks"
LETTERMINT_SECRET = "whsec_of-these-tests"
TEAM_TOKEN = "lm_team_c4n4ry"
CONFIGURATION_SET = "newsletter"
PER_PAGE = 2
"""How long a page of a list is, at most: reading has to go on."""

SECRETS: dict[str, dict[str, str]] = {
    "resend": {"RESEND_WEBHOOK_SECRET": RESEND_SECRET},
    "ses": {"SES_CONFIGURATION_SET": CONFIGURATION_SET, "SES_TOPIC_ARN": TOPIC},
    "mailgun": {"MAILGUN_WEBHOOK_SECRET": MAILGUN_SECRET},
    "lettermint": {
        "LETTERMINT_TEAM_TOKEN": TEAM_TOKEN,
        "LETTERMINT_WEBHOOK_SECRET": LETTERMINT_SECRET,
    },
}
"""What else is in the environment of a good set-up, by provider."""
