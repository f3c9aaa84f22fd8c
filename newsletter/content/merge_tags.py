"""Fields and commands of other mailing programs, which nothing here fills in."""

from __future__ import annotations

from typing import Final

from newsletter.content.mark import marks

_FIELD: Final = (
    r"(?:[a-z]+[._: ])?(?:f_?name|l_?name|(?:first|last|full|voor|achter)[ _-]?na(?:me|am)|naam"
    r"|name|e-?mail(?:[ _-]?add?res{1,2})?|unsubscribe(?:[ _-]?(?:url|link))?|uitschrijven"
    r"|uitschrijflink|afmelden|afmeldlink|web[ _-]?versi(?:on|e))"
)
_OBJECT: Final = r"(?:subscriber|newsletter|contact|lead|recipient|mailpoet|link|user)"

MERGE_TAGS: Final = tuple(
    marks(
        "merge-tag",
        "this is a field or command of another program, which is never filled in",
        "Delete it: the greeting in the settings adds the first name, and the footer of every "
        "letter has the unsubscribe link",
        r"(?<!\\)\*\|[^|\n]{1,200}\|\*",  # Mailchimp
        r"\{\{.{0,200}?\}\}\}?",  # Brevo, Mailgun, Laposta, Ghost, templates
        r"\{%.{0,200}?%\}",  # Klaviyo, Kit
        r"\[%.{0,200}?%\]",
        r"<%.{0,200}?%>",  # Spotler, ActiveCampaign's older forms
        r"(?<![\d%])%%[^%\n]{1,200}%%",  # Salesforce; comments of Obsidian
        r"(?<![\w%])%(?:[A-Z][A-Z0-9_.-]{2,60}|[A-Za-z]{2,30}(?:[._][A-Za-z0-9]{1,30}){1,5})%",
        r"[$#]\{[^{}\n]{1,200}\}",
        r"(?<!\w)\$[A-Z][A-Z_]{3,30}\b",
        r"\$\[[^\[\]\n]{1,200}\]",
        r"\{[$!@]?[A-Za-z_][\w .:|'-]{0,60}\}",  # MailerLite, Copernica
        r"\[\$[^\[\]\n]{1,200}\]",
        rf"\[{_OBJECT}[:.$][^\[\]\n]{{1,80}}\]",  # MailPoet
        rf"(?i)\[{_FIELD}\s?(?:[,|][^\[\]\n]{{0,80}})?\]",  # Sendy, Acumbamail
        rf"(?i)[«‹]\s?{_FIELD}\s?[»›]",  # Word
        rf"(?i)(?<![\w%])%{_FIELD}%(?!\w)",
        rf"(?i)(?<![\w@])@{_FIELD}@(?!\w)",
        rf"(?i)(?<![\w#])#{{1,2}}{_FIELD}#{{1,2}}(?!\w)",
        rf"(?i)(?<![\w$])\${_FIELD}\$(?!\w)",
        required_characters="{%[<$«‹@#*",
    )
)
