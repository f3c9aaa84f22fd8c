"""An issue file becomes an `Issue` of blocks, or a list of all that is wrong with it. Pure."""

from newsletter.content.decoding import MAX_BYTES
from newsletter.content.file_names import suggest_file_name
from newsletter.content.findings import READING_RULES, printable
from newsletter.content.parse import read, read_again

__all__ = ["MAX_BYTES", "READING_RULES", "printable", "read", "read_again", "suggest_file_name"]
