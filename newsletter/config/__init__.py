"""Settings: one settings file, a few environment variables, a frozen result."""

from newsletter.config.environment import outbox_warning, unread_warnings
from newsletter.config.loader import (
    DEFAULT_ORIGIN,
    from_values,
    load,
    make_private,
    make_state,
    save,
)
from newsletter.config.providers import PROVIDER_VARIABLES, PROVIDERS
from newsletter.config.rules import is_loopback
from newsletter.config.secrets_file import (
    SECRETS_FILE,
    has_job_at_forge,
    jobs_database,
    missing_key_hint,
    missing_secret_hint,
    other_database_warning,
    stored_secret_hint,
    unset_secrets,
)
from newsletter.config.settings import NO_DOMAIN, Settings
from newsletter.config.toml import quoted

__all__ = [
    "DEFAULT_ORIGIN",
    "NO_DOMAIN",
    "PROVIDERS",
    "PROVIDER_VARIABLES",
    "SECRETS_FILE",
    "Settings",
    "from_values",
    "has_job_at_forge",
    "is_loopback",
    "jobs_database",
    "load",
    "make_private",
    "make_state",
    "missing_key_hint",
    "missing_secret_hint",
    "other_database_warning",
    "outbox_warning",
    "quoted",
    "save",
    "stored_secret_hint",
    "unread_warnings",
    "unset_secrets",
]
