"""Which program an export is of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter.archive.importing.buttondown import is_buttondown, read_buttondown
from newsletter.archive.importing.ghost import find_ghost, read_ghost
from newsletter.archive.importing.mailchimp import is_mailchimp, read_mailchimp
from newsletter.archive.importing.substack import is_substack, read_substack
from newsletter.archive.importing.tables import read_columns
from newsletter.content.file_formats import recognise_format
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from newsletter.archive.importing.export_file import ExportFile
    from newsletter.archive.importing.letters import ExportContents

_MOST_TRIED: Final = 20
_HEAD: Final = 4096
_HINT: Final = (
    "Give an export of Substack (posts.csv and posts/), Ghost (a JSON file), Buttondown (emails/) "
    "or Mailchimp (campaigns.csv and campaigns_content/)"
)
_OF_PEOPLE: Final = frozenset({"email", "email address", "e-mail", "e-mailadres", "emailadres"})
_TABLES: Final = (".csv", ".tsv", ".txt")


def recognise(export: ExportFile) -> ExportContents:
    """Return what is in an export, whichever program it is of.

    Raises:
        NewsletterError: It is of none of them, or cannot be read.
    """
    if is_substack(export):
        return read_substack(export)
    if is_mailchimp(export):
        return read_mailchimp(export)
    if is_buttondown(export):
        return read_buttondown(export)
    if (tables := find_ghost(export)) is not None:
        return read_ghost(tables)
    raise _unknown(export)


def _unknown(export: ExportFile) -> NewsletterError:
    names = export.names
    if not names:
        return NewsletterError("there are no files in this export", hint=_HINT)
    tables = [name for name in names if name.casefold().endswith(_TABLES)]
    if any(_lists_people(export, name) for name in tables[:_MOST_TRIED]):
        return NewsletterError(
            "this is a list of subscribers, and has no letters in it",
            hint="Import the list itself: newsletter subscribers import FILE --consent TEXT",
        )
    inner = [name for name in names if name.casefold().endswith(".zip")]
    if inner:
        return NewsletterError(
            "this holds another ZIP file, and no letters", hint="Unpack it, and give the ZIP in it"
        )
    known = recognise_format(export.read_bytes(names[0], _HEAD)) if len(names) == 1 else None
    if known and "web page" not in known[0]:
        return NewsletterError(f"this is {known[0]}, and no export of letters", hint=_HINT)
    return NewsletterError("this is no export of letters that this program knows", hint=_HINT)


def _lists_people(export: ExportFile, name: str) -> bool:
    return bool(_OF_PEOPLE & read_columns(export, name))
