"""Ghost's own formats of a text, for a post without HTML: Lexical, and Mobiledoc before it.

Sources: packages/kg-default-nodes of https://github.com/TryGhost/Koenig, and
https://github.com/bustle/mobiledoc-kit/blob/master/MOBILEDOC.md (versions 0.2 and 0.3).
"""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any, Final

from newsletter.archive.importing.markdown_html import markdown_to_html
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_DEEPEST: Final = 60
_BOLD: Final = 1
_ITALIC: Final = 2
_CODE: Final = 16
_BLOCKS: Final = {
    "paragraph": "p",
    "quote": "blockquote",
    "extended-quote": "blockquote",
    "aside": "blockquote",
    "listitem": "li",
}
_HEADINGS: Final = {"h1", "h2", "h3", "h4", "h5", "h6"}
_SECTIONS: Final = {
    **dict(zip(_HEADINGS, _HEADINGS, strict=True)),
    "blockquote": "blockquote",
    "aside": "blockquote",
}
_LINKS: Final = {"link", "autolink", "at-link"}
_TEXTS: Final = {"text", "extended-text", "tk"}
_MARKER: Final = 4  # type, marks that open, how many close, text
_MARKS: Final = {"strong", "b", "em", "i", "code"}


def lexical_to_html(document: str) -> str:
    """Return a text in Lexical as HTML.

    Raises:
        NewsletterError: It is none.
    """
    root = _load(document).get("root")
    return _node(root, 0) if isinstance(root, dict) else ""


def mobiledoc_to_html(document: str) -> str:
    """Return a text in Mobiledoc as HTML; nothing where there is none.

    Raises:
        NewsletterError: It is no such text.
    """
    if not document:
        return ""
    said = _load(document)
    marks = [_mark(one) for one in _list(said.get("markups"))]
    cards = [one for one in _list(said.get("cards")) if isinstance(one, list)]
    parts: list[str] = []
    for section in _list(said.get("sections")):
        match section:
            case [1, str(tag), [*markers], *_]:
                name = _SECTIONS.get(tag.casefold(), "p")
                parts.append(_tag(name, _markers(markers, marks)))
            case [2, str(source), *_]:
                parts.append(f'<img src="{escape(source)}" alt="">')
            case [3, str(tag), [*items], *_]:
                inner = "".join(_tag("li", _markers(_list(item), marks)) for item in items)
                parts.append(_tag("ol" if tag.casefold() == "ol" else "ul", inner))
            case [10, int(index), *_] if 0 <= index < len(cards):
                match cards[index]:
                    case [str(name), dict(payload), *_]:
                        parts.append(_card(name, payload))
    return "".join(parts)


def _load(document: str) -> dict[str, Any]:
    try:
        said = json.loads(document)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise NewsletterError("its text is damaged in the export")
    return said


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _tag(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>"


def _node(node: Mapping[str, Any], depth: int) -> str:
    kind = str(node.get("type") or "")
    if kind in _TEXTS:
        return _styled(node)
    if kind == "linebreak":
        return "<br>"
    children = [one for one in _list(node.get("children")) if isinstance(one, dict)]
    inner = "".join(_node(one, depth + 1) for one in children) if depth < _DEEPEST else ""
    begin, end = _tags(kind, node)
    return f"{begin}{inner}{end}" if begin else inner or _card(kind, node)


def _tags(kind: str, node: Mapping[str, Any]) -> tuple[str, str]:
    """Return the tags of an element that holds others; "" for another."""
    name = _BLOCKS.get(kind, "")
    if kind in _LINKS:
        return f'<a href="{escape(str(node.get("url") or ""))}">', "</a>"
    if kind in {"heading", "extended-heading"}:
        name = str(node.get("tag"))
        name = name if name in _HEADINGS else "h2"
    elif kind == "list":
        start = node.get("start")
        name = "ol" if node.get("listType") == "number" else "ul"
        if name == "ol" and isinstance(start, int):
            return f'<ol start="{start}">', "</ol>"
    return (f"<{name}>", f"</{name}>") if name else ("", "")


def _styled(node: Mapping[str, Any]) -> str:
    text = escape(str(node.get("text") or ""))
    style = node.get("format")
    style = style if isinstance(style, int) else 0
    for bit, tag in ((_CODE, "code"), (_ITALIC, "em"), (_BOLD, "strong")):
        text = _tag(tag, text) if style & bit else text
    return text


def _mark(value: object) -> tuple[str, str]:
    """Return the begin and the end of a mark."""
    match value:
        case ["a", ["href", str(url), *_], *_]:
            return f'<a href="{escape(url)}">', "</a>"
        case [str(tag), *_] if tag in _MARKS:
            return f"<{tag}>", f"</{tag}>"
    return "", ""


def _markers(markers: Iterable[object], marks: list[tuple[str, str]]) -> str:
    parts: list[str] = []
    opened: list[str] = []
    for marker in markers:
        if not isinstance(marker, list) or len(marker) != _MARKER:
            continue
        kind, opens, closes, value = marker
        for index in _list(opens):
            begin, end = marks[index] if isinstance(index, int) and index < len(marks) else ("", "")
            parts.append(begin)
            opened.append(end)
        parts.append(escape(value) if kind == 0 and isinstance(value, str) else "<br>")
        count = min(closes if isinstance(closes, int) else 0, len(opened))
        parts += [opened.pop() for _ in range(count)]
    return "".join(parts + opened[::-1])


def _card(name: str, said: Mapping[str, Any]) -> str:
    """Return a card as HTML; nothing of one that only invites to sign up, or is for members."""
    visibility = said.get("visibility")
    web = visibility.get("web") if isinstance(visibility, dict) else None
    if isinstance(web, dict) and web.get("nonMember") is False:
        return ""

    def text(*names: str) -> str:
        values = (said.get(one) for one in names)
        return next((value for value in values if isinstance(value, str) and value), "")

    return _CARDS[name](text, said) if name in _CARDS else ""


def _image(text: Callable[..., str], _: Mapping[str, Any]) -> str:
    image = f'<img src="{escape(text("src"))}" alt="{escape(text("alt"))}">'
    return _tag("figure", image + _tag("figcaption", text("caption")))


def _gallery(_: Callable[..., str], said: Mapping[str, Any]) -> str:
    images = (one for one in _list(said.get("images")) if isinstance(one, dict))
    return "".join(
        f'<img src="{escape(str(one.get("src") or ""))}" alt="{escape(str(one.get("alt") or ""))}">'
        for one in images
    )


def _callout(text: Callable[..., str], _: Mapping[str, Any]) -> str:
    sign = escape(text("calloutEmoji", "emoji"))
    return f"<p>{sign} {text('calloutText', 'text')}</p>"


def _link(url: str, label: str) -> str:
    return f'<p><a href="{escape(url)}">{escape(label or url)}</a></p>'


def _bookmark(text: Callable[..., str], said: Mapping[str, Any]) -> str:
    metadata = said.get("metadata")
    title = metadata.get("title") if isinstance(metadata, dict) else ""
    return _link(text("url"), title if isinstance(title, str) else "")


_CARDS: Final[Mapping[str, Callable[[Callable[..., str], Mapping[str, Any]], str]]] = {
    "image": _image,
    "gallery": _gallery,
    "hr": lambda _text, _said: "<hr>",
    "horizontalrule": lambda _text, _said: "<hr>",
    "html": lambda text, _said: text("html"),
    "markdown": lambda text, _said: markdown_to_html(text("markdown")),
    "card-markdown": lambda text, _said: markdown_to_html(text("markdown")),
    "code": lambda text, _said: _tag("pre", _tag("code", escape(text("code")))),
    "codeblock": lambda text, _said: _tag("pre", _tag("code", escape(text("code")))),
    "button": lambda text, _said: _link(text("buttonUrl"), text("buttonText")),
    "callout": _callout,
    "toggle": lambda text, _said: _tag("h4", text("heading")) + text("content"),
    "bookmark": _bookmark,
    "embed": lambda text, _said: text("html") or _link(text("url"), ""),
    "video": lambda text, _said: f'<video src="{escape(text("src"))}"></video>',
    "audio": lambda text, _said: f'<audio src="{escape(text("src"))}"></audio>',
    "file": lambda text, _said: _link(text("src"), text("fileTitle", "fileName")),
}
