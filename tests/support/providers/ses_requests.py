"""What Amazon SES is told of a batch, built plainly, as its documentation has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from newsletter import mime, personalize

if TYPE_CHECKING:
    from newsletter.model import Batch, Recipient

LISTED = ("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post")
NO_TRACKING = {"Tracking": {"OpenTrackingEnabled": "DISABLED", "ClickTrackingEnabled": "DISABLED"}}


def common(of: Batch, configuration_set: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "FromEmailAddress": mime.unfolded("From", of.letter.sender),
        "ConfigurationOverrides": NO_TRACKING,
    }
    if of.letter.reply_to:
        fields["ReplyToAddresses"] = [mime.unfolded("Reply-To", of.letter.reply_to)]
    if configuration_set:
        fields["ConfigurationSetName"] = configuration_set
    return fields


def listed(of: Batch, reader: Recipient) -> list[dict[str, str]]:
    headers = dict(personalize.message(of, reader).headers)
    return [{"Name": name, "Value": headers[name]} for name in LISTED]


def tags(reader: Recipient) -> list[dict[str, str]]:
    return [{"Name": "delivery", "Value": reader.ref}]


def single(of: Batch, configuration_set: str = "") -> dict[str, Any]:
    """Return the one letter of a batch for `SendEmail`."""
    (reader,) = of.recipients
    # What looks like encoded words is encoded, so that it arrives as it was written.
    looks_encoded = "=?" in of.letter.subject
    subject = mime.unfolded("Subject", of.letter.subject) if looks_encoded else of.letter.subject
    message = personalize.message(of, reader)
    return common(of, configuration_set) | {
        "Destination": {"ToAddresses": [reader.email]},
        "EmailTags": tags(reader),
        "Content": {
            "Simple": {
                "Subject": {"Charset": "UTF-8", "Data": subject},
                "Body": {
                    **(
                        {"Html": {"Charset": "UTF-8", "Data": message.html}} if message.html else {}
                    ),
                    "Text": {"Charset": "UTF-8", "Data": message.text},
                },
                "Headers": listed(of, reader),
            }
        },
    }


def bulk(of: Batch, configuration_set: str = "") -> dict[str, Any]:
    """Return a batch for `SendBulkEmail`; its letter is `parcels.letter`, without braces."""
    html, text = (
        personalize.letter_template(of.letter).html,
        personalize.letter_template(of.letter).text,
    )
    in_html = (
        {"Html": f"{html[0]}{{{{GreetingHtml}}}}{html[2]}{{{{UnsubscribeUrlHtml}}}}{html[4]}"}
        if html
        else {}
    )
    return common(of, configuration_set) | {
        "DefaultContent": {
            "Template": {
                "TemplateContent": {
                    "Subject": of.letter.subject,
                    **in_html,
                    "Text": f"{text[0]}{{{{Greeting}}}}{text[2]}{{{{UnsubscribeUrl}}}}{text[4]}",
                },
                "TemplateData": "{}",
            }
        },
        "BulkEmailEntries": [
            {
                "Destination": {"ToAddresses": [reader.email]},
                "ReplacementTags": tags(reader),
                "ReplacementHeaders": listed(of, reader),
                "ReplacementEmailContent": {
                    "ReplacementTemplate": {
                        "ReplacementTemplateData": json.dumps(
                            {
                                **(
                                    {
                                        "GreetingHtml": personalize.html_value(reader.greeting),
                                        "UnsubscribeUrlHtml": personalize.html_value(
                                            reader.unsubscribe_url
                                        ),
                                    }
                                    if html
                                    else {}
                                ),
                                "Greeting": reader.greeting,
                                "UnsubscribeUrl": reader.unsubscribe_url,
                            },
                            ensure_ascii=False,
                            separators=(",", ":"),
                        )
                    }
                },
            }
            for reader in of.recipients
        ],
    }
