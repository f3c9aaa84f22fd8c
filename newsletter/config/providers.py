"""The providers, and the environment variables that each of them reads."""

from __future__ import annotations

from typing import Final

PROVIDERS: Final = {
    "outbox": (),
    "resend": ("RESEND_API_KEY", "RESEND_WEBHOOK_SECRET"),
    "lettermint": ("LETTERMINT_API_TOKEN", "LETTERMINT_TEAM_TOKEN", "LETTERMINT_WEBHOOK_SECRET"),
    "mailgun": ("MAILGUN_API_KEY", "MAILGUN_DOMAIN", "MAILGUN_WEBHOOK_SECRET"),
    "ses": (
        *("SES_CONFIGURATION_SET", "SES_TOPIC_ARN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        *("AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"),
    ),
}
"""The one list of providers: each name, with its variables under their customary names.

The code of a provider is in the folder `newsletter/providers/NAME/`. Its first variable is one that
is set only to send through it; many other programs also set the AWS variables.
"""

PROVIDER_VARIABLES: Final = tuple(name for names in PROVIDERS.values() for name in names)
"""The variables of all providers; their values are in the environment and nowhere else."""
