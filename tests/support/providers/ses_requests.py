"""What Amazon SES gets of a batch, built plainly, as its documentation has it."""

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


def listed(of: Batch, subscriber: Recipient) -> list[dict[str, str]]:
    headers = dict(personalize.message(of, subscriber).headers)
    return [{"Name": name, "Value": headers[name]} for name in LISTED]


def tags(subscriber: Recipient) -> list[dict[str, str]]:
    return [{"Name": "delivery", "Value": subscriber.ref}]


def single(of: Batch, configuration_set: str = "") -> dict[str, Any]:
    """Return the one letter of a batch for `SendEmail`."""
    (subscriber,) = of.recipients
    # What looks like encoded words is encoded, so that it arrives as it was written.
    looks_encoded = "=?" in of.letter.subject
    subject = mime.unfolded("Subject", of.letter.subject) if looks_encoded else of.letter.subject
    message = personalize.message(of, subscriber)
    return common(of, configuration_set) | {
        "Destination": {"ToAddresses": [subscriber.email]},
        "EmailTags": tags(subscriber),
        "Content": {
            "Simple": {
                "Subject": {"Charset": "UTF-8", "Data": subject},
                "Body": {
                    **(
                        {"Html": {"Charset": "UTF-8", "Data": message.html}} if message.html else {}
                    ),
                    "Text": {"Charset": "UTF-8", "Data": message.text},
                },
                "Headers": listed(of, subscriber),
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
                "Destination": {"ToAddresses": [subscriber.email]},
                "ReplacementTags": tags(subscriber),
                "ReplacementHeaders": listed(of, subscriber),
                "ReplacementEmailContent": {
                    "ReplacementTemplate": {
                        "ReplacementTemplateData": json.dumps(
                            {
                                **(
                                    {
                                        "GreetingHtml": personalize.html_value(subscriber.greeting),
                                        "UnsubscribeUrlHtml": personalize.html_value(
                                            subscriber.unsubscribe_url
                                        ),
                                    }
                                    if html
                                    else {}
                                ),
                                "Greeting": subscriber.greeting,
                                "UnsubscribeUrl": subscriber.unsubscribe_url,
                            },
                            ensure_ascii=False,
                            separators=(",", ":"),
                        )
                    }
                },
            }
            for subscriber in of.recipients
        ],
    }
