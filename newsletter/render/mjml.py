r"""MJML to HTML with mjml-python, guarded.

The compiler is quick and drops or garbles some input without a word. Here its input is written
so that it cannot, and its output is searched for what it does to the rest:

- Attributes (and `mj-title`, which becomes one) come out as Rust debug strings: a no-break space
  turns into `\u{a0}`, a quote into `\"`. So the source is pure ASCII with numeric entities, and
  quotes, backslashes and line breaks inside tags are entities or spaces.
- A line break alone between two inline tags is dropped and glues their words: it becomes a space.
- Spaces or CRLF between the tags of `mj-head` are refused: they are taken out.
- Very deep nesting ends the whole process: depth and size are limited before compiling.
- Unknown `mj-` elements are copied through and a missing `lang` becomes "und": both are errors.
"""

from __future__ import annotations

import re

from mjml import mjml2html

from newsletter.errors import NewsletterError

MAX_BYTES = 100_000
"""Of the compiled HTML: Gmail hides what is beyond, behind a link.

Measured by senders as 102 KB, not documented: github.com/hteumeuleu/email-bugs/issues/41.
"""
MAX_SOURCE = 1_000_000
MAX_DEPTH = 200
"""Of elements; the compiler overflows the stack at some tens of thousands."""

_STYLE = re.compile(r"(<(?:mj-)?style\b.*?</(?:mj-)?style>)", re.DOTALL)
_TAG = re.compile(r"""</?[a-zA-Z](?:[^<>"']|"[^"]*"|'[^']*')*>""")
_VALUE = re.compile(r"""=\s*(?:"([^"]*)"|'([^']*)')""")
_TITLE = re.compile(r"(?<=<mj-title>)[^<]*")
_HEAD = re.compile(r"<mj-head>.*?</mj-head>", re.DOTALL)
_GLUED = re.compile(r"(</?(?!mj)[a-zA-Z][^<>]*>)\n\s*(?=</?(?!mj)[a-zA-Z])")
_ELEMENT = re.compile(r"<(/?)([a-zA-Z][\w-]*)([^<>]*)>")
_VOID = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LEFTOVER = re.compile(r"</?(mj-[\w-]+|mjml)\b")
_POSITION = re.compile(r"position (\d+):")


def compile(source: str, where: str = "issue.mjml.j2") -> str:  # noqa: A001 - always read as mjml.compile
    """Compile MJML to HTML in pure ASCII.

    Args:
        source: The MJML.
        where: The template that made it, for errors.

    Raises:
        NewsletterError: The source is not MJML, or what came of it is not what it says.
    """
    _refuse_unsafe(source, where)
    prepared = _prepare(source)
    try:
        html = mjml2html(prepared, fonts={})
    except ValueError as error:
        raise NewsletterError(
            f"{where} is not valid MJML{_near(prepared, str(error))}",
            hint="Look for an unclosed tag or an element that MJML does not have",
        ) from None
    _refuse_garbled(html, where)
    _refuse_leftovers(html, where)
    _refuse_oversize(html, where)
    return html


def _refuse_unsafe(source: str, where: str) -> None:
    if len(source) > MAX_SOURCE or _depth(source) > MAX_DEPTH:
        raise NewsletterError(
            f"the letter is larger than {MAX_SOURCE:,} characters of MJML or nests its elements "
            f"more than {MAX_DEPTH} deep",
            where=where,
            hint="Shorten the issue or flatten its lists",
        )


def _depth(source: str) -> int:
    depth = deepest = 0
    for closing, name, rest in _ELEMENT.findall(source):
        if closing:
            depth -= 1
        elif name.lower() not in _VOID and not rest.endswith("/"):
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def _prepare(source: str) -> str:
    """Rewrite a source so that nothing of it is lost: the same document, in safer words."""
    pieces = _STYLE.split(source.replace("\r\n", "\n").replace("\r", "\n"))
    pieces[::2] = [_ascii_markup(_separate(_quote_tags(piece))) for piece in pieces[::2]]
    pieces[1::2] = [_ascii_css(piece) for piece in pieces[1::2]]
    return _tighten_head("".join(pieces))


def _quote_tags(markup: str) -> str:
    def value(match: re.Match[str]) -> str:
        return f'="{_plain_value(match[1] if match[1] is not None else match[2])}"'

    def tag(match: re.Match[str]) -> str:
        return re.sub(r"[\n\t]+", " ", _VALUE.sub(value, match[0]))

    return _TITLE.sub(lambda match: _plain_value(match[0]), _TAG.sub(tag, markup))


def _plain_value(value: str) -> str:
    value = re.sub(r"[\n\t]+", " ", value)
    return value.replace("\\", "&#92;").replace('"', "&#34;")


def _separate(markup: str) -> str:
    return _GLUED.sub(r"\1 ", markup)


def _ascii_markup(markup: str) -> str:
    return markup.encode("ascii", "xmlcharrefreplace").decode()


def _ascii_css(css: str) -> str:
    return re.sub(r"[^\x00-\x7f]", lambda match: f"\\{ord(match[0]):x} ", css)


def _tighten_head(source: str) -> str:
    return _HEAD.sub(lambda match: re.sub(r">\s+<", "><", match[0]), source, count=1)


def _near(source: str, error: str) -> str:
    found = _POSITION.search(error)
    if not found:
        return ""
    start = int(found[1])
    return f', near "{" ".join(source[start : start + 60].split())}"'


def _refuse_garbled(html: str, where: str) -> None:
    """Find the traces of a Rust debug string: a backslash inside a tag."""
    for tag in _TAG.findall(_COMMENT.sub("", _STYLE.sub("", html))):
        if "\\" in tag:
            raise NewsletterError(
                f"the MJML compiler garbled an attribute: {tag[:120]}",
                where=where,
                hint="Write that character as a numeric entity in the template",
            )


def _refuse_leftovers(html: str, where: str) -> None:
    body = _COMMENT.sub("", html)
    if found := _LEFTOVER.search(body):
        raise NewsletterError(
            f"MJML does not know the element <{found[1]}>",
            where=where,
            hint="Correct its name, or close the element before it",
        )
    if 'lang="und"' in body:
        raise NewsletterError(
            "the letter has no language",
            where=where,
            hint='Begin the template with <mjml lang="{{ newsletter.language }}" dir="ltr">',
        )


def _refuse_oversize(html: str, where: str) -> None:
    if len(html) > MAX_BYTES:
        raise NewsletterError(
            f"the letter has {len(html):,} bytes of HTML, and Gmail hides what is beyond "
            f"{MAX_BYTES // 1000} KB",
            where=where,
            hint="Shorten the issue: an excerpt and a button invite better than the whole article",
        )
