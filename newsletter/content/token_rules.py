"""What may not stand in a body, wherever it stands: HTML, code, bad addresses, lost characters.

This goes through the flat list of tokens, so that everything is found at once, however wrong
the structure around it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from newsletter.content.decoding import forbid, has_words
from newsletter.content.findings import quote_text
from newsletter.content.images import check_image
from newsletter.content.links import check_link, is_element
from newsletter.content.markdown import lone_image, placed, plain, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markdown_it.token import Token
    from markdown_it.utils import EnvType

    from newsletter.content.findings import FindingCollector

DEEPEST_EMPHASIS: Final = 8
"""Far beyond prose, and far below the depth at which the MJML compiler crashes."""


def inspect(tokens: Sequence[Token], env: EnvType, start: int, problems: FindingCollector) -> None:
    """Note all that is wrong with the tokens themselves.

    Args:
        tokens: The body's tokens.
        env: What the body defines for reference links.
        start: The index in the file of the body's first line.
        problems: Where to note it.
    """
    for token in tokens:
        line = start + 1 + (token.map[0] if token.map else 0)
        if token.type == "html_block":
            _html(token.content, line, problems)
        elif token.type in ("code_block", "fence"):
            _code(token.type, line, problems)
        elif token.type == "inline":
            _inline(token, line, problems)
    _definitions(tokens, env, start, problems)


def _html(content: str, line: int, problems: FindingCollector) -> None:
    name = re.match(r"\s*</?([A-Za-z][\w-]*)", content)
    what = f"<{quote_text(name[1].lower())}>" if name else "a comment or a declaration"
    problems.error(
        line,
        "raw-html",
        f"there is HTML here: {what}",
        'Write it in Markdown, or delete it; a "<" that is meant as such is written "\\<"',
    )


def _code(kind: str, line: int, problems: FindingCollector) -> None:
    if kind == "fence":
        problem = "lines between ``` are program code in Markdown, which a letter has not"
        fix = "Delete the lines with ```; a few words of code go between `single` signs"
    else:
        problem = "lines indented by four spaces or a tab are program code in Markdown"
        fix = "Delete the spaces at the beginning of these lines"
    problems.error(line, "code-block", problem, fix)


def _inline(token: Token, first_line: int, problems: FindingCollector) -> None:
    children = token.children or []
    images_alone = token.level == 1 and only_images(children)
    if deepest(children) > DEEPEST_EMPHASIS:
        problems.error(
            first_line,
            "nested-too-deep",
            "there is emphasis within emphasis within emphasis here",
            "Delete the superfluous * and _ signs",
        )
    for child, line in placed(children, first_line):
        if child.type == "html_inline":
            _html(child.content, line, problems)
        elif child.type == "link_open":
            _link(child, line, problems)
        elif child.type == "image":
            _image(child, line, problems, alone=images_alone)
        elif child.type == "text":
            forbid(child.content, line, problems)  # entities may hold what the file does not
    _labels(children, first_line, problems)


def only_images(children: Sequence[Token]) -> bool:
    """Tell whether each line of a paragraph is an image and nothing else."""
    return all(lone_image(row) for row in rows(children))


def deepest(children: Iterable[Token]) -> int:
    """Return how deep inline tokens are nested."""
    depth = most = 0
    for token in children:
        depth += token.nesting
        most = max(most, depth)
    return most


def _image(token: Token, line: int, problems: FindingCollector, *, alone: bool) -> None:
    check_image(token, line, problems)
    alt = plain(token.children)
    forbid(alt, line, problems)
    for child in token.children or ():
        if child.type == "html_inline" and is_element(child.content):
            _html(child.content, line, problems)
    if not has_words(alt):
        problems.error(
            line,
            "image-alt",
            "the image has no text that can stand for it",
            "Say between the brackets what is to be seen: ![A path along the water](pad.jpg)",
        )
    if not alone:
        problems.error(
            line,
            "image-in-text",
            "an image stands among other text",
            "Give it a paragraph of its own, with an empty line above and below",
        )


def _link(token: Token, line: int, problems: FindingCollector) -> None:
    url = str(token.attrGet("href") or "")
    if str(token.meta.get("label", "")).startswith("^"):
        problems.error(
            line,
            "footnote",
            "a letter has no footnotes, and this one would be a link to nowhere",
            "Write the note in the text, between round brackets",
        )
        return
    check_link(url, line, problems)
    _title(token, line, problems)


def _title(token: Token, line: int, problems: FindingCollector) -> None:
    if has_words(str(token.attrGet("title") or "")):
        problems.warning(
            line,
            "unshown-title",
            "the words in quotation marks behind this address are not shown",
            "Write them in the text, or delete them",
        )


def _labels(children: Sequence[Token], first_line: int, problems: FindingCollector) -> None:
    opened: list[tuple[int, int]] = []
    for index, (child, line) in enumerate(placed(children, first_line)):
        if child.type == "link_open":
            opened.append((index, line))
        elif child.type == "link_close":
            begin, begin_line = opened.pop()
            inside = children[begin + 1 : index]
            if not has_words(plain(inside)) and not any(t.type == "image" for t in inside):
                problems.error(
                    begin_line,
                    "link-label",
                    "a link has no words to click on",
                    "Write them between the brackets: [Lees verder](https://…)",
                )


def _definitions(
    tokens: Iterable[Token], env: EnvType, start: int, problems: FindingCollector
) -> None:
    used = {
        child.meta.get("label")
        for token in tokens
        for child in token.children or ()
        if child.type in ("link_open", "image")
    }
    unused = [(label, ref) for label, ref in env.get("references", {}).items() if label not in used]
    for label, ref in [*unused, *((None, ref) for ref in env.get("duplicate_refs", ()))]:
        line = start + 1 + ref["map"][0]
        if label and label.startswith("^"):
            problems.warning(
                line,
                "footnote",
                "a letter has no footnotes: subscribers will not see this line",
                "Write the note in the text, between round brackets",
            )
        else:
            problems.warning(
                line,
                "unused-link",
                "subscribers will not see this line: it gives a link a name that is not used, or "
                "is taken",
                'Delete it, or write "\\[" for its first bracket if it is meant as text',
            )
