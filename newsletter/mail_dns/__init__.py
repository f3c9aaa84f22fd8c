"""What mailbox providers look at: the DNS of the sending domain, and a letter that arrived."""

from newsletter.mail_dns.domain import BLOCKING, CHECKS, check_domain
from newsletter.mail_dns.resolver import DnsError, Resolver

__all__ = ["BLOCKING", "CHECKS", "DnsError", "Resolver", "check_domain"]
