"""Text from others, made fit for pages: HTML cleaned once, plain text, folded text for search.

HTML is believed only as `SafeHtml`. It is cleaned when it arrives and kept with `RULES_VERSION`,
so that a change of the rules cleans it again (PROTOCOL 6.8, SETTLED 18).
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Callable
from html import escape, unescape
from typing import Final

import nh3
from markdown_it import MarkdownIt

RULES_VERSION: Final = 1

MAX_HTML: Final = 200_000  # characters; longer prose is cut (PROTOCOL 6.7)
MAX_DEPTH: Final = 32  # nh3's work grows with the square of the depth
MAX_OPEN: Final = 1000  # tags in HTML whose nesting cannot be told: bounds the same work
MAX_ENTITIES: Final = 20_000  # `&`: each makes nh3 copy the text before it
MAX_MARKDOWN: Final = 50_000
LONGEST_WORD: Final = 40  # what is longer is found by its beginning
MOST_SIGNS: Final = 20_000  # of which is remembered what becomes of them
AWAY_FROM_LOOP: Final = 8_000  # characters from which cleaning is worth a thread

_INLINE = ("br", "span", "a", "del", "s", "code", "b", "strong", "u", "i", "em", "ruby", "rt", "rp")
TAGS: Final = frozenset((*_INLINE, "p", "pre", "blockquote", "ul", "ol", "li"))
ATTRIBUTES: Final = {
    "*": {"lang"},
    "a": {"href", "class", "translate"},
    "span": {"class", "translate"},
    "ol": {"start", "reversed"},
    "li": {"value"},
    "p": {"class"},
}
CONTENT_GOES: Final = {"script", "style", "template", "title", "noscript", "svg", "math"}
SCHEMES: Final = {"http", "https", "mailto", "xmpp", "gemini", "magnet"}
CLASSES: Final = frozenset({"mention", "hashtag", "ellipsis", "invisible", "quote-inline"})
CLASS_PREFIXES: Final = ("h-", "p-", "u-", "dt-", "e-")

_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LISTS = ("ul", "ol", "li", "dt", "dd", "table", "tr")
_BLOCKS = frozenset(
    (*_HEADINGS, *_LISTS, "p", "br", "div", "blockquote", "pre", "section", "article", "hr")
)
# One tag as a careful serialiser writes it. Anything else makes the nesting unknown.
_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9-]*+)"
    r"(?:\s++[a-zA-Z_:@][-a-zA-Z0-9_:.@]*+"
    r"(?:\s*+=\s*+(?:\"[^\"<>]*+\"|'[^'<>]*+'|[^\s\"'<>=`]++))?+)*+\s*+/?+>"
)
_OPENING = re.compile(r"<[a-zA-Z]")
_LOOSE_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*+)[^<>]*+>|<[!?/][^<>]*+>")
_HEADING = re.compile(r"<(/?)h[1-6](?:\s[^<>]*+)?>", re.IGNORECASE)
_IMAGE = re.compile(r"<img(?=[\s/>])([^<>]*+)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([a-zA-Z-]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))")
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # Cc and Cs, but \n
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*\n\s*")
_HASHTAG = re.compile(r"(?<![\w&/#])#(\w{1,60})")

# Direction overrides and other signs that change how the text around them is read (Unicode TR 36).
_DECEIVING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0xFEFF])
_FOLDS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"}
)


# Scripts without spaces: Thai to Lao, Burmese, Khmer, kana, and the Chinese signs.
_SPACELESS: Final = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3041, 0x30FF),
    (0x3400, 0x9FFF),
    (0x20000, 0x3FFFF),
)


class _Table(dict[int, str | None]):
    """For `str.translate`: what becomes of each sign, remembered of the first that are met."""

    def __init__(self, becomes: Callable[[str], str | None]) -> None:
        super().__init__()
        self._becomes = becomes

    def __missing__(self, code: int) -> str | None:
        sign = self._becomes(chr(code))
        if len(self) < MOST_SIGNS:
            self[code] = sign
        return sign


def _in_words(sign: str) -> str:
    """Letters, digits and marks stay, all else parts words."""
    if unicodedata.category(sign)[0] not in "LNM":
        return " "
    if any(first <= ord(sign) <= last for first, last in _SPACELESS):
        return f" {sign} "
    return sign


def _bare(sign: str) -> str | None:
    """Accents and all that combines goes, the rest stays."""
    return None if unicodedata.combining(sign) else sign


_SIGNS = _Table(_in_words)
_BARE = _Table(_bare)


class SafeHtml(str):
    """HTML that passed the rules; templates print it as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def clean(html: str) -> SafeHtml:
    """The HTML with only what `PROTOCOL 6.8` allows, whatever was sent.

    HTML that is too long, too deep or too odd becomes plain text, so that the work stays bounded.
    """
    html = html.replace("\0", "")
    if len(html) > MAX_HTML or html.count("&") > MAX_ENTITIES or _too_deep(html):
        return paragraphs(plain(html[:MAX_HTML]))
    html = _HEADING.sub(_strong, html)
    html = _IMAGE.sub(_link_to_image, html)
    return SafeHtml(_CLEANER.clean(html))


async def cleaned(html: str) -> SafeHtml:
    """`clean`, off the event loop where it would be felt."""
    if len(html) < AWAY_FROM_LOOP:
        return clean(html)
    return await asyncio.to_thread(clean, html)


def shown(content: str, cleaned_by: int) -> SafeHtml:
    """Stored HTML for a page: cleaned again if it was cleaned under other rules."""
    return SafeHtml(content) if cleaned_by == RULES_VERSION else clean(content)


def plain(html: str) -> str:
    """The words of HTML: no tags, entities resolved, blocks on lines of their own."""
    parts: list[str] = []
    position, inside = 0, ""
    for tag in _LOOSE_TAG.finditer(html):
        if not inside:
            parts.append(html[position : tag.start()])
        position = tag.end()
        name = (tag[2] or "").lower()
        if inside:
            inside = "" if tag[1] and name == inside else inside
        elif name in CONTENT_GOES and not tag[1] and not tag[0].endswith("/>"):
            inside = name
        elif name in _BLOCKS:
            parts.append("\n" if name in {"br", "li"} else "\n\n")
    if not inside:
        parts.append(html[position:])
    text = _SPACES.sub(" ", tidy(unescape("".join(parts)), lines=True))
    return _LINES.sub("\n\n", text).strip()


def paragraphs(text: str) -> SafeHtml:
    """Plain text as HTML: empty lines part paragraphs."""
    blocks = (block.strip() for block in _LINES.split(text))
    return SafeHtml(
        "".join(f"<p>{escape(block).replace(chr(10), '<br>')}</p>" for block in blocks if block)
    )


def markdown(source: str) -> SafeHtml:
    """The HTML of an author's Markdown, by the same rules as HTML of others.

    Tags in it are text. Bare addresses become links.
    """
    return clean(_MARKDOWN.render(source.replace("\0", "")[:MAX_MARKDOWN]))


def tidy(text: str, *, lines: bool = False) -> str:
    """Text without control signs and direction tricks (SECURITY C8); one line unless `lines`."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(_DECEIVING)
    return _CONTROLS.sub(" ", text) if lines else " ".join(_CONTROLS.sub(" ", text).split())


def fold(text: str) -> str:
    """Text for comparing and finding: no accents, no case, no NUL (PostgreSQL takes none)."""
    return " ".join(_folded(text).split())


def _folded(text: str) -> str:
    text = text.replace("\0", " ")
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", text).translate(_BARE)
    return text.casefold().translate(_FOLDS)


def words(text: str) -> list[str]:
    """The words of a text as they are looked for: folded, none longer than `LONGEST_WORD`.

    Scripts that put no spaces between words give each sign by itself; what stands side by side
    there is found side by side.
    """
    return [word[:LONGEST_WORD] for word in _folded(text).translate(_SIGNS).split()]


def teaser(text: str, limit: int = 300) -> str:
    """The beginning of a plain text, at most `limit` characters, ended at a word."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    words = cut.rpartition(" ")[0]
    return (words if len(words) > limit // 2 else cut).rstrip(" ,;:.–-") + "…"


def hashtags(text: str) -> tuple[str, ...]:
    """The `#tags` of a plain text, without the sign, each once; a tag has a letter."""
    found = (tag for tag in _HASHTAG.findall(text) if any(sign.isalpha() for sign in tag))
    return tuple(dict.fromkeys(found))


def _too_deep(html: str) -> bool:
    """Whether the nesting is deeper than we let nh3 see, by one linear look.

    Where every tag is plain and closes what was opened last, the depth is known. Elsewhere the
    HTML parser's repairs decide, which can be led astray, so there all opened tags count.
    """
    stack: list[str] = []
    position = 0
    while (position := html.find("<", position)) >= 0:
        tag = _TAG.match(html, position)
        if tag is None:
            return _many_open(html)
        position = tag.end()
        name = tag["name"].lower()
        if name in _VOID:
            continue
        if not tag["end"]:
            if len(stack) == MAX_DEPTH:
                return True
            stack.append(name)
        elif not stack or stack.pop() != name:
            return _many_open(html)
    return False


def _many_open(html: str) -> bool:
    return sum(1 for _ in _OPENING.finditer(html)) > MAX_OPEN


def _strong(heading: re.Match[str]) -> str:
    return "</strong></p>" if heading[1] else "<p><strong>"


def _link_to_image(image: re.Match[str]) -> str:
    """A picture inside text is shown as a link: pages load nothing from elsewhere."""
    found = {
        name.lower(): unescape(double or single or bare)
        for name, double, single, bare in _ATTRIBUTE.findall(image[1])
    }
    address, words = found.get("src", ""), found.get("alt", "").strip()
    if not address.startswith(("http://", "https://")):
        return escape(words)
    words = words or address.rpartition("/")[2] or address
    return f'<a href="{escape(address)}">{escape(words)}</a>'


def _attribute(_tag: str, name: str, value: str) -> str | None:
    """The attribute's value as we keep it; None drops it."""
    if name == "class":
        kept = [word for word in value.split() if _class_is_known(word)]
        return " ".join(kept) or None
    if name == "translate":
        return value if value in {"yes", "no"} else None
    if name in {"start", "value"}:
        return value if re.fullmatch(r"-?\d{1,6}", value) else None
    if name == "lang":
        return value if re.fullmatch(r"[A-Za-z0-9-]{1,35}", value) else None
    return value


def _class_is_known(word: str) -> bool:
    return word in CLASSES or word.startswith(CLASS_PREFIXES)


_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags=CONTENT_GOES,
    attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
    attribute_filter=_attribute,
    link_rel="nofollow noopener ugc",
    url_schemes=set(SCHEMES),
    url_relative="deny",
)

_MARKDOWN = (
    MarkdownIt("commonmark", {"html": False, "linkify": True, "breaks": True})
    .enable(["linkify", "strikethrough"])
    .disable(["image"])
)
