from __future__ import annotations

from datetime import date
from pathlib import Path, PurePath

import pytest

from newsletter.article.front_matter import split_front_matter
from newsletter.article.markdown import read_markdown
from newsletter.article.post import has_front_matter, read_post
from newsletter.article.shortcodes import mark_shortcodes
from newsletter.desk.post_pictures import find_pictures, place_pictures
from newsletter.errors import NewsletterError
from newsletter.model import Article, LineKind
from tests.support.articles import FIRST, LEAD, PROMPTS, QUESTIONS, QUOTE, SECOND, draft, invented

BODY = f"""{LEAD}

{FIRST}

> {QUOTE}

## Drie vragen bij de hark

1. {QUESTIONS[0]}
2. {QUESTIONS[1]}

💡 {PROMPTS[0]}
"""
YAML = (
    "---\ntitle: 'De tuin: in november'\ndate: 2026-11-20T08:00:00+01:00\ntags: [tuin, rust]\n---\n"
)
TOML = '+++\ntitle = "De tuin: in november"\ndate = 2026-11-20\n[params]\nfoo = 1\n+++\n'
JSON = '{"title": "De tuin: in november", "date": "2026-11-20"}\n\n'


def lines(article: Article) -> list[tuple[str, str]]:
    return [(line.kind.value, line.text) for line in article.lines]


@pytest.mark.parametrize("head", [YAML, TOML, JSON])
def test_front_matter_in_yaml_toml_or_json(head: str) -> None:
    post = read_post(head + BODY, PurePath("tuin.md"))
    assert (post.title, post.published) == ("De tuin: in november", date(2026, 11, 20))
    made = draft(post)
    assert "subject: De tuin: in november\n" in made.text
    assert f"- {QUESTIONS[0]}\n- {QUESTIONS[1]}\n" in made.text
    assert made.todo == ("button",)
    assert invented(made.text, head + BODY) == []


def test_keys_in_any_case_and_texts_over_several_lines() -> None:
    fields, body = split_front_matter(
        "\ufeff---\r\nTitle: De tuin\r\ndescription: >\r\n  Een regel\r\n  en nog een.\r\n---\r\n"
        "Tekst"
    )
    assert fields == {"title": "De tuin", "description": "Een regel en nog een.\n"}
    assert body == "Tekst"


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ("---\ntitle: [a\n---\n", "not valid YAML"),
        ("---\na: &x [1]\nb: *x\n---\n", "alias"),
        ("---\nday: 2026-02-31\n---\n", "not valid YAML"),
        ("---\na: !!python/object/apply:os.getcwd []\n---\n", "not valid YAML"),
        ("+++\ntitle = De tuin\n+++\n", "not valid TOML"),
        ("---\na: " + "[" * 30_000 + "\n---\n", "20 deep"),
        ("---\na: " + "[" * 21 + "]" * 21 + "\n---\n", "20 deep"),
        ("---\na: " + "b" * 64_000 + "\n---\n", "more than 64,000"),
        ("+++\na = '" + "b" * 64_000 + "'\n+++\n", "more than 64,000"),
        ('{"a": "' + "b" * 64_000 + '"}\n', "more than 64,000"),
        ("+++\na = " + "9" * 5000 + "\n+++\n", "not valid TOML"),
    ],
)
def test_broken_front_matter_is_one_error(head: str, problem: str) -> None:
    with pytest.raises(NewsletterError, match=problem):
        read_post(head + BODY, PurePath("tuin.md"))


def test_a_text_that_only_looks_like_front_matter_is_text() -> None:
    assert not has_front_matter("Tekst\n---\nmeer\n---\n")
    assert split_front_matter("{ geen json") == ({}, "{ geen json")
    assert split_front_matter("---\nzonder einde") == ({}, "---\nzonder einde")


@pytest.mark.parametrize(
    ("head", "path", "address"),
    [
        ("", "content/posts/tuin/index.md", "https://example.org/blog/tuin/"),
        ("", "_posts/2026-11-20-de-tuin.md", "https://example.org/blog/de-tuin/"),
        ("slug: stil", "tuin.mdx", "https://example.org/blog/stil/"),
        ("url: /anders/tuin/", "tuin.md", "https://example.org/anders/tuin/"),
        ("permalink: anders/tuin.html", "tuin.md", "https://example.org/anders/tuin.html"),
        ("permalink: '/{{ page.fileSlug }}/'", "tuin.md", "https://example.org/blog/tuin/"),
        ("permalink: /:categories/:title/", "tuin.md", "https://example.org/blog/tuin/"),
        ("canonical_url: https://elders.example/t", "tuin.md", "https://elders.example/t"),
    ],
)
def test_the_address_of_a_post(head: str, path: str, address: str) -> None:
    post = read_post(
        f"---\ntitle: De tuin\n{head}\n---\n{BODY}",
        PurePath(path),
        permalink="https://example.org/blog/{slug}/",
    )
    assert post.url == address


def test_the_address_that_the_author_gives_wins() -> None:
    post = read_post("---\nurl: /x/\n---\n", PurePath("x.md"), url="https://example.org/y/")
    assert post.url == "https://example.org/y/"


def test_without_permalink_the_button_is_a_gap() -> None:
    made = draft(read_post(YAML + BODY, PurePath("tuin.md")))
    assert "button" in made.todo
    assert (made.parts.button, "[[Lees verder: " in made.text) == (False, True)


def test_a_path_is_on_the_site_of_the_settings() -> None:
    post = read_post("---\nurl: /x/\n---\n", PurePath("x.md"), site_url="https://example.org/nl/")
    assert post.url == "https://example.org/x/"


@pytest.mark.parametrize(
    ("mark", "gap"),
    [
        ("{{< youtube w7Ft2ymGmfc >}}", "youtube"),
        ('{{% include "x.md" %}}', "x.md"),
        ("{% include tip.html kleur='groen' %}", "tip.html"),
        ("{% render 'blok' %}", "blok"),
        ('<iframe src="https://video.example/1"></iframe>', "embed"),
        ("```\ncode\n```", "code"),
        ("{% highlight ruby %}\nputs 1\n{% endhighlight %}", "code"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "table"),
    ],
)
def test_a_shortcode_is_a_gap(mark: str, gap: str) -> None:
    post = read_post(f"{YAML}{LEAD}\n\n{mark}\n\n{FIRST}\n", PurePath("tuin.md"))
    assert lines(post) == [("paragraph", LEAD), ("gap", gap), ("paragraph", FIRST)]
    made = draft(post)
    assert "missing" in made.todo
    assert made.text.count("[[Hier stond iets van je site: ") == 1


@pytest.mark.parametrize(
    "mark",
    [
        "<!-- more -->", "{{/* niets */}}", "{% comment %}niets{% endcomment %}", "{# niets #}",
        "<script>alert('x')</script>", "<style>p { color: red }</style>", "{% raw %}{% endraw %}",
        "[^1]: Een voetnoot.", "{: .klasse }", "{% include toc.html %}", "{{< toc >}}",
    ],
)  # fmt: skip
def test_what_leads_nowhere_in_a_letter_is_nothing(mark: str) -> None:
    post = read_post(f"{YAML}{LEAD}\n\n{mark}\n\n{FIRST}\n", PurePath("tuin.md"))
    assert lines(post) == [("paragraph", LEAD), ("paragraph", FIRST)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{{% notice tip %}}", "{{% /notice %}}"),
        ("{% callout %}", "{% endcallout %}"),
        ("{{< box >}}", "{{< /box >}}"),
        ("<div class='tip'>\n\n", "\n\n</div>"),
    ],
)
def test_the_text_between_a_pair_of_tags_stays(before: str, after: str) -> None:
    post = read_post(f"{YAML}{before}\n{LEAD}\n{after}\n\n{FIRST}\n", PurePath("tuin.md"))
    assert lines(post) == [("paragraph", LEAD), ("paragraph", FIRST)]


def test_components_of_mdx() -> None:
    post = read_post(
        f"{YAML}import {{ Image }} from 'astro:assets';\nimport hero from './hero.jpg';\n\n"
        "export const prijs = {\n  a: 1,\n};\n\n"
        f'<Callout type="tip">\n{LEAD}\n</Callout>\n\n<Image src={{hero}} alt="De hark" />\n\n'
        "<Formulier kleur={1} />\n\n{/* niets */}\n",
        PurePath("tuin.mdx"),
    )
    assert lines(post) == [("paragraph", LEAD), ("image", "De hark"), ("gap", "Formulier")]
    assert post.lines[1].links[0].url == "./hero.jpg"


def test_a_value_within_a_sentence_is_a_gap_in_it() -> None:
    text = f"Dit kost {{{{ site.prijs }}}} euro. {LEAD}"
    made = draft(read_post(f"{YAML}{text}\n\n{FIRST}\n", PurePath("tuin.md")))
    assert "Dit kost [[Hier stond een woord of waarde die je site invult]] euro." in made.text
    assert made.text.count("prijs") == 0


@pytest.mark.parametrize(
    ("mark", "alt"),
    [
        ('{{< figure src="hark.jpg" alt="De hark" caption="In de schuur" >}}', "De hark"),
        ("{% image './hark.jpg', 'De hark' %}", "De hark"),
        ("![De hark](hark.jpg)", "De hark"),
        (
            '<figure><img src="hark.jpg" alt="De hark"><figcaption>Oud</figcaption></figure>',
            "De hark",
        ),
        ("{{< img hark.jpg >}}", ""),
    ],
)
def test_neighbouring_pictures_are_taken(mark: str, alt: str, tmp_path: Path) -> None:
    post, root = tmp_path / "site" / "tuin" / "index.md", tmp_path / "brief"
    post.parent.mkdir(parents=True)
    root.mkdir()
    (post.parent / "hark.jpg").write_bytes(b"een plaatje")
    article = read_post(f"{YAML}{LEAD}\n\n{mark}\n\n{FIRST}\n", post)
    assert lines(article)[1] == ("image", alt)
    shown, copies = place_pictures(root, "2026-12-06-tuin", find_pictures(article.lines, post))
    assert copies == {"2026-12-06-tuin-1.jpg": b"een plaatje"}
    made = draft(article, shown)
    assert f"\n![{alt}](2026-12-06-tuin-1.jpg)\n" in made.text
    assert ("alt" in made.todo) is not alt


def test_the_cover_of_the_front_matter_comes_first(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "static" / "images").mkdir(parents=True)
    (tmp_path / "static" / "images" / "pad.png").write_bytes(b"pad")
    post = tmp_path / "content" / "blog" / "tuin.md"
    post.parent.mkdir(parents=True)
    head = "---\ntitle: De tuin\ncover:\n  image: /images/pad.png\n  alt: Een pad\n---\n"
    article = read_post(head + BODY, post)
    found = find_pictures(article.lines, post)
    shown, copies = place_pictures(tmp_path, "2026-12-06-tuin", found)
    assert (shown, copies) == ({"/images/pad.png": "static/images/pad.png"}, {})
    made = draft(article, shown)
    assert made.text.index("![Een pad](static/images/pad.png)") < made.text.index(LEAD)


@pytest.mark.parametrize("folder", ["public", "assets", "src/assets", "src", "."])
def test_pictures_of_a_site_are_found_where_generators_look(folder: str, tmp_path: Path) -> None:
    file = tmp_path / folder / "images" / "pad.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"pad")
    (tmp_path / "astro.config.mjs").touch()
    post = tmp_path / "src" / "content" / "tuin.md"
    article = read_markdown("![Een pad](/images/pad.png?w=300)\n")
    assert find_pictures(article.lines, post) == {"/images/pad.png?w=300": file}


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/pad.png",
        "//example.org/pad.png",
        "../../geheim.png",
        "weg.png",
        "x.svg",
    ],
)
def test_other_pictures_are_gaps(address: str, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / ".git").mkdir(parents=True)
    (tmp_path / "geheim.png").write_bytes(b"x")
    (site / "x.svg").write_bytes(b"x")
    (site / "weg.png").symlink_to(tmp_path / "geheim.png")
    post = site / "tuin.md"
    article = read_post(f"{YAML}{LEAD}\n\n![Een pad]({address})\n\n{FIRST}\n", post)
    assert find_pictures(article.lines, post) == {}
    assert "[[Hier stond iets van je site: een afbeelding]]" in draft(article).text


def test_own_structure_wins_over_guesses() -> None:
    text = (
        f"# De tuin\n\nKort maar af\n\n{LEAD}\n\n> Een regel.\n> — Een tuinman\n\n* a\n  * b\n* c\n"
    )
    article = read_markdown(text)
    assert article.title == "De tuin"
    kinds = [line.kind for line in article.lines]
    assert kinds[:3] == [LineKind.HEADING, LineKind.PARAGRAPH, LineKind.PARAGRAPH]
    items = [(line.text, line.group) for line in article.lines if line.kind is LineKind.ITEM]
    assert items == [("a", 1), ("b", 2), ("c", 1)]


def test_nested_lists_give_no_questions_by_chance() -> None:
    items = "- Wat? → Dit.\n  - Geen vraag\n- Hoe? → Zo."
    text = f"# De tuin\n\n{LEAD}\n\n{items}\n\n{FIRST}\n\n{SECOND}\n"
    made = draft(read_markdown(text))
    assert made.parts.questions == 2
    assert invented(made.text, text) == []


def test_the_source_of_a_quote_stays_with_it() -> None:
    text = f"# De tuin\n\n{LEAD}\n\n{FIRST}\n\n{SECOND}\n\n> {QUOTE}\n>\n> — Een tuinman\n"
    assert f"> {QUOTE}\n>\n> — Een tuinman\n" in draft(read_markdown(text)).text


def test_the_source_of_a_quote_may_be_behind_it() -> None:
    text = f"# De tuin\n\n{LEAD}\n\n{FIRST}\n\n{SECOND}\n\n> {QUOTE} — Een tuinman\n"
    assert f"> {QUOTE}\n>\n> — Een tuinman\n" in draft(read_markdown(text)).text


@pytest.mark.parametrize(
    ("question", "taken"),
    [
        ("Welke hoek laat jij dit jaar met rust liggen?", True),
        ("Zie je wel hoe moe ik van al dat harken ben geworden?", False),
        ("Waarom zou een egel in november nog wakker zijn?", False),
    ],
)
def test_a_question_to_the_person_who_reads_is_a_reflection(question: str, taken: bool) -> None:  # noqa: FBT001
    text = f"# De tuin\n\n{LEAD}\n\n{FIRST}\n\n{SECOND}\n\nAldus mijn buurman. {question}\n"
    made = draft(read_markdown(text))
    assert (f"💡 {question}\n" in made.text) is taken
    assert ("reflection" in made.todo) is not taken


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<!-- een --> <!-- twee\n-->Tekst.", " Tekst."),
        ("<!-- niet gesloten", "<!-- niet gesloten"),
        ("## Kop {#kop}\n\nTekst. {# weg #}", "## Kop {#kop}\n\nTekst. "),
        ("{% comment %}a{% endcomment %}b{% comment %}c", "b\ue000comment\ue001c"),
        ("{{/* weg */}}Tekst.", "Tekst."),
        ("Tot {{ site.name }}", "Tot \ue000site.name\ue001"),
        ('{{<figure src="a.png" alt="Een pad" />}}', "\n\n![Een pad](<a.png>)\n\n"),
        ("{{% tip %}}Tekst.{{% /tip %}}", "\n\nTekst.\n\n"),
        ("{{<", "{{<"),
    ],
)
def test_what_a_generator_fills_in(text: str, kept: str) -> None:
    assert mark_shortcodes(text) == kept


def test_a_component_that_closes_itself() -> None:
    assert mark_shortcodes("<Foto src='a.jpg' alt='Een pad'/>", components=True) == (
        "\n\n![Een pad](<a.jpg>)\n\n"
    )


def test_attributes_behind_a_heading_are_no_text() -> None:
    article = read_markdown("# Titel {#titel .groot}\n\nTekst. {: .lead }\n")
    assert lines(article) == [("heading", "Titel"), ("paragraph", "Tekst.")]


@pytest.mark.parametrize(
    "config",
    ["hugo.toml", "config.yaml", "_config.yml", "astro.config.ts", "eleventy.config.js",
     ".eleventy.js", ".git"],
)  # fmt: skip
def test_pictures_of_a_site_without_repository(config: str, tmp_path: Path) -> None:
    post = tmp_path / "site" / "content" / "posts" / "tuin.md"
    static = tmp_path / "site" / "static" / "pad.png"
    for file in (post, static, tmp_path / "static" / "geheim.png", tmp_path / "geheim.png"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    article = read_markdown(
        "![Een](/pad.png)\n\n![Twee](/geheim.png)\n\n![Drie](../../../geheim.png)\n"
    )
    assert find_pictures(article.lines, post) == {}
    (tmp_path / "site" / config).touch()
    assert find_pictures(article.lines, post) == {"/pad.png": static}


def test_without_a_site_only_the_folder_of_the_post_counts(tmp_path: Path) -> None:
    folder = tmp_path / "posts"
    (folder / "foto").mkdir(parents=True)
    for file in (folder / "a.png", folder / "foto" / "b.png", tmp_path / "geheim.png"):
        file.write_bytes(b"x")
    (folder / "link.png").symlink_to(tmp_path / "geheim.png")
    names = ["a.png", "foto/b.png", "link.png", "../geheim.png", str(tmp_path / "geheim.png")]
    article = read_markdown("\n\n".join(f"![Een pad]({name})" for name in names))
    found = find_pictures(article.lines, folder / "tuin.md")
    assert found == {"a.png": folder / "a.png", "foto/b.png": folder / "foto" / "b.png"}


def test_a_post_that_is_named_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repository is that of the post, not the one that `..` in its name passes through."""
    for folder in ("brief/.git", "site/.git", "site/static", "site/posts"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "site" / "static" / "pad.png").write_bytes(b"x")
    monkeypatch.chdir(tmp_path / "brief")
    article = read_markdown("![Een pad](/pad.png)\n")
    found = find_pictures(article.lines, Path("../site/posts/tuin.md"))
    assert found == {"/pad.png": tmp_path / "site" / "static" / "pad.png"}


@pytest.mark.parametrize(
    ("before", "mark"), [("Een ", "<!--a"), ("Een ", "<?a"), ("Een ", "<!A a"), ("<div>\n", "<a ")]
)
def test_a_text_of_what_never_ends_is_read_in_time(before: str, mark: str) -> None:
    """Each of these took minutes, for the rest of the text was read for each."""
    found = read_markdown(f"# Titel\n\n{LEAD}\n\n{before}{mark * 40_000}\n")
    assert lines(found)[:2] == [("heading", "Titel"), ("paragraph", LEAD)]
