"""What is wrong with a set-up: settings, secrets, database, provider, DNS, web app, backlog."""

from newsletter.doctor.checklist import CHECKS
from newsletter.doctor.examination import Section, examine, examine_domain
from newsletter.doctor.settings import read_settings

__all__ = ["CHECKS", "Section", "examine", "examine_domain", "read_settings"]
