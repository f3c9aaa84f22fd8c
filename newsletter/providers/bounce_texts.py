"""Recognises why a mail server refuses a letter, from its text.

Servers write any text. These are phrases that mailbox providers publish (Microsoft:
https://sendersupport.olc.protection.outlook.com/pm/troubleshooting.aspx, Google:
https://support.google.com/a/answer/3726730, Yahoo: https://senders.yahooinc.com/smtp-error-codes/,
Apple: https://support.apple.com/en-us/102322) and those of the common servers and filters. Every
gap in a pattern is bounded, because the text is untrusted input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from newsletter.model import Cause


@dataclass(frozen=True, slots=True)
class ServerText:
    """What a server's text is about.

    Attributes:
        cause: The cause, if it is certainly not the address.
        likely: The cause, if it is probably not the address, unless the text names it as well.
        no_such_mailbox: There is no such mailbox, or it is closed.
        full: The mailbox is full.
        relay: The server does not accept mail for this domain.
        temporary: It may work at another time.
        too_fast: The mailbox gets too much mail now.
    """

    cause: Cause | None
    likely: Cause | None
    no_such_mailbox: bool
    full: bool
    relay: bool
    temporary: bool
    too_fast: bool


def parse(words: str) -> ServerText:
    """Return what a server's text is about; `words` is one line of bounded length."""
    found = {name: bool(pattern.search(words)) for name, pattern in _PATTERNS.items()}
    no_such_mailbox = found["no such mailbox"]
    if no_such_mailbox and (found["policy"] or found["sender"]):
        # Servers write this before their actual reason (RFC 5321, 4.2.3).
        no_such_mailbox = bool(_PATTERNS["no such mailbox"].search(_OPENING_WORDS.sub("", words)))
    if found["size"] and not found["full"]:
        cause: Cause | None = Cause.SIZE
    elif found["sender"]:
        cause = Cause.SENDER
    else:
        cause = Cause.POLICY if found["policy"] else None
    return ServerText(
        cause=cause,
        likely=Cause.POLICY if found["likely policy"] else None,
        no_such_mailbox=no_such_mailbox,
        full=found["full"],
        relay=found["relay"],
        temporary=found["temporary"],
        too_fast=found["too fast"],
    )


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_BOX = (
    r"(?:mail ?box|account|users?|recipient|rcpt|inbox|mailbox name|address(?:ee)?|e-?mail address"
    r"|gebruiker|ontvanger|adres|postvak|postbus|empf[äa]nger|benutzer|postfach|konto|adresse"
    r"|utilisateur|destinataire|compte|usuario|cuenta|buz[óo]n|destinatario|utente|casella)"
)
_LETTER = (
    r"(?:message|e-?mail|mail|content|bericht|nachricht|connection|client|server|host|ip|domain)"
)

_OPENING_WORDS: Final = re.compile(
    r"(?:requested (?:mail )?action not taken:? ?)?mailbox unavailable", re.IGNORECASE
)

_PATTERNS: Final = {
    "size": _any(
        r"(?:message|mail|letter|attachment|bericht|nachricht)\b.{0,30}\b(?:too (?:large|big|long)"
        r"|te groot|zu gro(?:ß|ss)|oversized)",
        r"(?:message|mail|header|bericht)\b.{0,20}\b(?:size|length)\b.{0,20}\bexceed",
        r"exceed\w{0,3}\b.{0,30}\b(?:message|mail|fixed|maximum) (?:size|length)",
        r"larger than (?:the )?(?:current |maximum )?(?:system |size )?limit",
        r"(?:max(?:imum)?|fixed) (?:message |mail )?size\b",
        r"\bsize limit\b",
    ),
    "sender": _any(
        r"\b(?:dmarc|dkim|spf|arc)\b",
        r"dmarcrejection|unauthenticated|unauthorized (?:mail|sender)",
        r"(?:not|fail\w{0,3}|failed to|require\w{0,2}|required) .{0,20}\bauthenticat(?:ed|ion)\b"
        r".{0,30}\b(?:mail|message|level|check|domain|sender)",
        r"(?:sender|sending domain|from domain)\b.{0,40}\bauthenticat",
        r"authentication (?:level|check|result|requirement)",
        r"not authori[sz]ed to send",
        r"\b(?:envelope |mail )?sender\b.{0,60}\b(?:rejected|denied|refused|not verified"
        r"|verif\w{0,8}|does ?n[o']t exist|must exist|not exist|invalid|resolve"
        r"|unknown|no (?:a|mx)\b)",
        r"\bdomain of sender\b|\bsender (?:domain|address)\b|\bafzender(?:adres|domein)?\b"
        r".{0,40}\b(?:geweigerd|onbekend|ongeldig|bestaat niet)",
        r"\b(?:return-path|mail from|from (?:header|address)|5321|5322)\b.{0,60}\b(?:reject|denied"
        r"|invalid|not|fail|missing|must)",
        r"reverse[ -]dns|\br-?dns\b|\bptr\b|no (?:reverse|forward)|\b(?:helo|ehlo)\b",
        r"starttls|\btls\b.{0,30}\b(?:required|needed|must|only)"
        r"|(?:requires?|must use|must issue a) (?:tls|encryption)|encryption (?:required|needed)",
    ),
    "policy": _any(
        # Lists, and who keeps them.
        r"spamhaus|spamcop|\bsorbs\b|barracuda|uceprotect|\bsurbl\b|\buribl\b|invaluement|ivmsip"
        r"|spfbl|backscatterer|nixspam|\bpsbl\b|mailspike|abusix|abuseat|sender ?score|senderbase"
        r"|cloudmark|cloudfilter|\btalos|dnswl|spamrats|hostkarma|proofpoint\.com|\bpphosted\b"
        r"|ipcheck\.proofpoint|trend ?micro|\bmaps\b.{0,5}\brbl\b|trustedsource|fortiguard"
        r"|kundenserver\.de/error|senderreputation|poor reputation",
        r"(?:block|black|deny|reject|spam|dns)[ -]?list|dns-?[bw]l|\b[rx]bls?\b|\bcss\b|\bsbl\b"
        r"|\bpbl\b|\bzwarte lijst|\bblockliste|\bliste noire|\bliste? nera|\blista (?:negra|nera)",
        r"\bis (?:currently )?listed\b|(?<!not )\blisted (?:by|in|on|at)\b",
        # Spam and content.
        r"\bspam\w{0,10}|\bjunk ?mail|unsolicited|\bbulk (?:mail|e-?mail)|\bube\b|\buce\b|phish"
        r"|\bvirus|malware|malicious|suspicious|ongewenste (?:mail|e-?mail|reclame)",
        r"content (?:policy|filter|denied|rejected|not (?:allowed|accepted))",
        r"(?:reject\w{0,3}|denied|refused) (?:by|due to|because of|for) (?:\w{1,20} ){0,3}content",
        # Policy, reputation and pace.
        r"\bpolic(?:y|ies)\b|\bbeleid|\brichtlinie|reputation|administrative(?:ly)? prohibit",
        r"complaints?\b|abusive|\babuse (?:report|complaint|detected)|\baup#|acceptable use|banned",
        r"(?:rate|sending|connection|volume|hourly|daily)\w{0,4} limit|rate[ -]limit|throttl"
        r"|per (?:second|minute|hour|day)\b|unusual (?:rate|traffic|volume)|unexpected volume"
        r"|too many (?:connections|messages|e-?mails|sessions)|too much mail"
        r"|\btemporarily deferred\b|gr[ae]y[ -]?list",
        # Who is blocked, and not a mailbox.
        r"\b(?:ip|ip address|host|server|client|network|domain|sender|mta|you|connections?)\b"
        r"[^;]{0,60}\b(?:block(?:ed|ing|t)|geblokkeerd|gesperrt|bloqu[ée]|bloccat|not allowed)",
        r"block list|part of their network|mail from .{1,60} (?:refused|blocked|not accepted)",
        r"\bblocked (?:by|using|for|due to|because|at)\b|\[ip[ =:]",
        # Codes of Microsoft, Yahoo and AOL, Apple, and Comcast.
        r"\(?\bS(?:3\d{3}|775|844)\b\)?",
        r"\b(?:SC|OU|DY|RP)-00\d\b",
        r"\bTSS?\d\d\b|\bBL\d\d\b|\bPH\d\d\b|\bRLY:|\bCON:|\bDYN:|\bHVU:",
        r"\[(?:HM|CS|AB|DM|GM)\d\d\]|\b(?:HM0[78]|CS01)\b",
        r"\bBL0{3,6}\d{1,3}\b|\bRL0{3,6}\d{1,3}\b",
        r"\btosa\b|\bIP=[\d.]{7,15} - ",
    ),
    "likely policy": _any(
        rf"\b{_LETTER}\b[^;]{{0,40}}\b(?:rejected|refused|blocked|denied|declined|not (?:been )?"
        r"(?:accepted|allowed)|geweigerd|abgelehnt|zur[üu]ckgewiesen)",
        r"access (?:is )?denied|not accepting|not permitted|prohibited|\bblock(?:ed)?\b"
        r"|for explanation visit",
    ),
    "no such mailbox": _any(
        rf"\b{_BOX}\b.{{0,60}}\b(?:unknown|not (?:be )?(?:found|known|exist\w{{0,3}}|valid|active"
        r"|available|activated|recogni[sz]ed|listed|local)|(?:does|do|did)(?: not|n[o'’]?t) exist"
        r"|(?:is|was) (?:not a|no) (?:known|valid)|inactive|disabled|closed|suspended|deactivated"
        r"|deleted|removed|expired|invalid|unavailable|no longer|locked|cancel\w{0,4}|discontinued"
        r"|undeliverable|unrecogni[sz]ed"
        r"|onbekend\w{0,2}|bestaat niet|niet (?:gevonden|bekend|actief)|opgeheven|verwijderd"
        r"|unbekannt\w{0,2}|existiert nicht|nicht (?:gefunden|bekannt|vorhanden|verf[üu]gbar)"
        r"|inconnue?|n[’' ]?existe pas|introuvable|inexistant\w{0,2}|d[ée]sactiv[ée]e?"
        r"|desconocid[oa]|no existe|inexistente|sconosciut[oa]|inesistente|non esiste)",
        rf"\b(?:unknown|no such|invalid|bad|nonexistent|non-existent|inactive|disabled|incorrect"
        rf"|illegal|unrout(?:e|)able|undeliverable|not a valid|no valid|not our|onbekende?"
        rf"|ongeldige?|geen (?:dergelijke?|zo'n|geldige?)|unbekannte[rs]?|kein(?:e|en)?"
        rf"(?: solche[rs]?| g[üu]ltige[rs]?)?) .{{0,30}}\b(?:{_BOX}|customer|person|id|local part"
        r"|alias|destination)\b",
        r"\bno mail-?box\b|nobody (?:here )?(?:by|with) that name|not our customer|unrouteable"
        r"|\bnosuchuser\b|disableduser|doesn[’']?t have an? .{1,40} account"
        r"|not (?:listed|found) in .{0,30}(?:directory|table)|nie istnieje|n[ãa]o existe"
        r"|mailbox unavailable|tenant or domain not found|null mx",
    ),
    "full": _any(
        r"over ?quota|quota (?:is )?(?:exceed|full|violat)",
        r"exceed\w{0,3}\b.{0,30}\b(?:quota|storage)",
        rf"\b{_BOX}\b.{{0,40}}\b(?:full|vol\b|voll|pleine?|piena|llen[oa]|limit exe?c?eeded"
        r"|out of (?:storage )?space|overquota)",
        r"insufficient (?:system |disk )?(?:storage|space)|(?:out of|not enough) (?:disk )?"
        r"(?:storage|space)|storage full|exceeded storage|overquotaperm",
    ),
    "relay": _any(
        r"relay(?:ing)? (?:access )?(?:is )?(?:denied|not (?:permitted|allowed)|prohibited"
        r"|disallowed)",
        r"(?:unable|not (?:permitted|allowed|willing)|isn[’']?t allowed|cannot|refus\w{0,3}"
        r"|won[’']?t) (?:to )?relay|do(?:es)? not relay|rcpthosts"
        r"|authentication when attempting to send to a non-local",
    ),
    "temporary": _any(
        r"tim(?:ed|e)[ -]?out|connection (?:was )?(?:refused|reset|lost|closed|dropped|failed)"
        r"|could not connect|no route to host|(?:network|host) (?:is )?unreachable"
        r"|unable to connect|connection attempts? failed",
        r"temporar|try (?:again|later)|please retry|tijdelijk|vor[üu]bergehend|temporaire"
        r"|(?:delivery|message|mail|queue) .{0,20}\bexpired|too old|\bdelayed\b",
        r"servfail|dns (?:error|lookup|failure|timeout|server)|name ?server"
        r"|lookup (?:failed|failure|error)|internal (?:server )?error|local (?:error|problem)"
        r"|system (?:error|problem)"
        r"|mail ?loop|too many hops|loops back|configuration (?:error|problem)",
    ),
    "too fast": _any(
        r"receiving (?:mail|e-?mail|messages) (?:too (?:quickly|fast|many)|at a rate)",
        r"receivingrate",
    ),
}
