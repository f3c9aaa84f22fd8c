"""The articles as post files of the author's own site: Hugo and Jekyll."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.pages.corpus import NAMES
from tests.support.pages.sources import SITE, Block, Source, read_source

GENERATORS = ("hugo", "jekyll")
PERMALINK = f"{SITE}/posts/{{slug}}/"
"""The setting with which the address of a post follows from its name."""


@dataclass(frozen=True)
class Post:
    """One post file of the corpus."""

    system: str
    name: str
    url: str
    file: str
    """Where it is in its site."""
    text: str

    @property
    def id(self) -> str:
        return f"{self.system}-post-{self.name}"


def make_post(system: str, name: str) -> Post:
    """Write one article as a post."""
    source = read_source(name)
    body = "\n\n".join(filter(None, (_markdown(block, system) for block in source.blocks)))
    head = _hugo_head(source) if system == "hugo" else _jekyll_head(source)
    file = f"content/posts/{name}.md" if system == "hugo" else f"_posts/{source.date}-{name}.md"
    return Post(system, name, PERMALINK.format(slug=name), file, f"{head}\n{body}\n")


def make_posts() -> list[Post]:
    """Make every post file of the corpus."""
    return [make_post(system, name) for system in GENERATORS for name in NAMES]


def _hugo_head(source: Source) -> str:
    tags = ", ".join(f'"{tag}"' for tag in source.tags)
    lines = ["+++", f'title = "{source.title}"', f"date = {source.date}T08:00:00+02:00"]
    lines += ["draft = false", f"tags = [{tags}]", 'author = "Marijke"', "ShowToc = true"]
    lines += [f'description = "{source.description}"'] if source.description else []
    lines += ["[cover]", '  image = ""', "  hidden = true", "+++"]
    return "\n".join(lines) + "\n"


def _jekyll_head(source: Source) -> str:
    lines = [
        "---",
        "layout: post",
        f'title: "{source.title}"',
        f"date: {source.date} 08:00:00 +0200",
    ]
    lines += ["categories: artikelen", "tags:", *(f"  - {tag}" for tag in source.tags)]
    lines += [f"excerpt: >-\n  {source.lead}"] if source.lead else []
    return "\n".join([*lines, "---", ""])


def _markdown(block: Block, system: str) -> str:
    if block.kind == "image":
        return _image(block, system)
    if block.kind == "embed":
        name = block.src.rpartition("/")[2]
        hugo = f"{{{{< youtube {name} >}}}}"
        return hugo if system == "hugo" else f'{{% include youtube.html id="{name}" %}}'
    if block.kind == "faq":
        return "\n\n".join(f"### {question}\n\n{answer[0]}" for question, answer in block.items)
    if block.kind == "table":
        rows = [f"| {first} | {' | '.join(cells)} |" for first, cells in block.items]
        return "\n".join([rows[0], "|---|---|", *rows[1:]])
    if block.kind in {"bullets", "numbers"}:
        return _list(block)
    signs = {"heading": "## ", "quote": "> "}
    text = signs.get(block.kind, "") + block.text
    notice = system == "jekyll" and block.kind == "prompt"
    return f"{text}\n{{: .notice--info}}" if notice else text


def _image(block: Block, system: str) -> str:
    if system == "hugo" and block.caption:
        source = f'src="{block.src}" alt="{block.text}" caption="{block.caption}"'
        return f"{{{{< figure {source} >}}}}"
    return f"![{block.text}]({block.src})"


def _list(block: Block) -> str:
    lines = []
    for number, (text, nested) in enumerate(block.items, 1):
        sign = f"{number}." if block.kind == "numbers" else "-"
        lines.append(f"{sign} {text}")
        lines += [f"    - {inner}" for inner in nested]
    return "\n".join(lines)
