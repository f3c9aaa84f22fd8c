"""What mailbox providers look at: the DNS of the sending domain, and a letter that arrived."""

from newsletter.mail_dns.domain import BLOCKING, CHECKS, check_domain
from newsletter.mail_dns.received import RECEIVED_CHECKS, check_received
from newsletter.mail_dns.resolver import ABOUT, DnsError, Resolver
from newsletter.mail_dns.sender import FREE_MAIL, is_free_mail

__all__ = [
    "ABOUT",
    "BLOCKING",
    "CHECKS",
    "FREE_MAIL",
    "RECEIVED_CHECKS",
    "DnsError",
    "Resolver",
    "check_domain",
    "check_received",
    "is_free_mail",
]
