"""Words as matching compares them: by what they mean, in any of our languages. Pure.

`words/{language}.txt` holds concepts and their words. A text becomes weighted terms: `=ladder` for
the concept that “ladder” and „Leiter“ share, or the folded stem of a word that no list knows. Times
of the week are kept apart, since they are compared otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from hub.core.text import fold

LANGUAGES: Final = ("en", "de", "fr", "cy", "pl")
VERSION: Final = 1  # of lists and rules; terms that were stored under another are made anew

TITLE, TAG, BODY = 1.0, 0.7, 0.35  # what a word counts, by where it stands
UNKNOWN: Final = 0.4  # of a word that no list knows: most are by the way
PART: Final = 0.5  # of a word inside a phrase: a sewing machine is about sewing
BROADER: Final = 0.4  # of the concept above: a drill is a tool, but not every tool drills
LONGEST_BODY: Final = 2_000  # characters; what comes later says little
MOST_WORDS: Final = 400
LONGEST_PHRASE: Final = 4
SHORTEST: Final = 3  # letters of a stem, and of a word that no list knows
SHORTEST_HEAD: Final = 4  # letters of a German word inside another: no „Rad“ in „Grad“

Phrase = tuple[str, ...]

_TOKEN = re.compile(r"[^\W_]+")
# The longest first; a stem keeps at least three letters.
_ENDINGS: Final = {
    "en": ("ings", "ing", "ies", "es", "ed", "s", "e", "y"),
    "de": ("innen", "ern", "erin", "en", "em", "er", "es", "e", "n", "s"),
    "fr": ("aux", "ees", "ee", "es", "er", "e", "s", "x"),
    "cy": ("iau", "iadau", "ion", "au", "oedd", "od", "io", "ydd", "i", "u"),
    "pl": (
        *("iego", "ami", "ach", "ego", "emu", "owi", "iem", "ow", "om", "em", "ej", "ie", "ia"),
        *("ic", "iu", "a", "e", "i", "o", "u", "y"),
    ),
}
# Welsh words change their first letter after many others: soft, nasal and aspirate.
_MUTATIONS: Final = {
    "p": ("b", "mh", "ph"),
    "t": ("d", "nh", "th"),
    "c": ("g", "ngh", "ch"),
    "b": ("f", "m"),
    "d": ("dd", "n"),
    "g": ("", "ng"),
    "m": ("f",),
    "ll": ("l",),
    "rh": ("r",),
}
_WEEK: Final = {
    "weekend": ("sat", "sun"),
    "weekday": ("mon", "tue", "wed", "thu", "fri"),
}


@dataclass(frozen=True)
class Words:
    """A text as it is compared.

    `weights` by term; `said` is the term as it stands in the text; `times` are days (`sat`) and
    parts of a day (`evening`). `language` is the one whose list was used, empty for none.
    """

    weights: dict[str, float] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    times: frozenset[str] = frozenset()
    language: str = ""


@dataclass(frozen=True)
class Lexicon:
    """The list of one language, by stems."""

    language: str
    concepts: dict[Phrase, tuple[str, ...]]
    silent: frozenset[str]

    def look_up(self, stems: Phrase) -> tuple[str, ...]:
        """The concepts that a word or a phrase stands for."""
        return self.concepts.get(stems, ())

    def inside(self, word: str) -> Iterator[tuple[str, float]]:
        """The concepts of a compound's parts: its head counts more than what it is made of."""
        if self.language != "de":
            return
        for start in range(1, len(word) - SHORTEST_HEAD + 1):
            if head := self.look_up((stem(word[start:], "de"),)):
                yield from ((concept, 0.8) for concept in head)
                break
        for end in range(len(word) - 3, SHORTEST_HEAD - 1, -1):
            if first := self.look_up((stem(word[:end], "de"),)):
                yield from ((concept, 0.4) for concept in first)
                break


def read(title: str, body: str = "", tags: Iterable[str] = (), language: str = "") -> Words:
    """The words of a listing, by the lists of the language that it seems to be written in."""
    parts = [(title, TITLE), *((tag, TAG) for tag in tags), (body[:LONGEST_BODY], BODY)]
    tokens = [(_TOKEN.findall(text), weight) for text, weight in parts]
    lexicon = _spoken([fold(word) for words, _ in tokens for word in words], language)
    weights: dict[str, float] = {}
    said: dict[str, str] = {}
    for words, weight in tokens:
        for term, surface, part in _terms(words[:MOST_WORDS], lexicon):
            said.setdefault(term, surface)
            weights[term] = max(weights.get(term, 0.0), weight * part)
    for term, weight in list(weights.items()):
        above = _above().get(term)
        if above is not None:
            said.setdefault(above, said[term])
            weights[above] = max(weights.get(above, 0.0), weight * BROADER)
    times = {term[1:] for term in weights if term.startswith("@")}
    return Words(
        {term: weight for term, weight in weights.items() if not term.startswith("@")},
        said,
        frozenset(day for time in times for day in _WEEK.get(time, (time,))),
        lexicon.language if lexicon is not None else "",
    )


@lru_cache(maxsize=50_000)
def stem(word: str, language: str) -> str:
    """A folded word without its ending, by a few light rules."""
    for ending in _ENDINGS.get(language, ()):
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST:
            word = word[: -len(ending)]
            break
    return (
        word[:-1]
        if language == "en" and len(word) > SHORTEST + 1 and word[-1] == word[-2]
        else word
    )


def _terms(surfaces: list[str], lexicon: Lexicon | None) -> Iterator[tuple[str, str, float]]:
    """Terms of a text with what was said, phrases before single words."""
    words = [fold(surface) for surface in surfaces]
    if lexicon is None:
        yield from ((word, word, 1.0) for word in words if len(word) >= SHORTEST)
        return
    stems = [stem(word, lexicon.language) for word in words]
    position = 0
    while position < len(words):
        length, concepts = _longest(stems, position, lexicon)
        word = words[position]
        surface = " ".join(surfaces[position : position + length])
        if concepts and (length > 1 or word not in lexicon.silent):
            yield from ((concept, surface, 1.0) for concept in concepts)
            for part in stems[position : position + length] if length > 1 else ():
                yield from ((concept, surface, PART) for concept in lexicon.look_up((part,)))
        elif word not in lexicon.silent and len(word) >= SHORTEST and not word.isdigit():
            parts = list(lexicon.inside(word))
            yield from ((concept, surface, weight) for concept, weight in parts)
            yield stems[position], surface, UNKNOWN * (PART if parts else 1.0)
        position += length


def _longest(stems: list[str], position: int, lexicon: Lexicon) -> tuple[int, tuple[str, ...]]:
    for length in range(LONGEST_PHRASE, 0, -1):
        phrase = tuple(stems[position : position + length])
        if len(phrase) == length and (concepts := lexicon.look_up(phrase)):
            return length, concepts
    return 1, ()


def _spoken(words: list[str], declared: str) -> Lexicon | None:
    """The list of the language that most words belong to; what was declared wins a draw."""
    own = declared.partition("-")[0].lower()
    found: dict[str, float] = {}
    for language in LANGUAGES:
        lexicon = lexicon_of(language)
        known = sum(
            word in lexicon.silent or bool(lexicon.look_up((stem(word, language),)))
            for word in words[:MOST_WORDS]
        )
        found[language] = known + (0.5 if language == own else 0.0)
    best = max(found, key=found.__getitem__)
    return lexicon_of(best) if found[best] >= 1 or best == own else None


@cache
def lexicon_of(language: str) -> Lexicon:
    """The list of a language, as its stems are looked up."""
    concepts: dict[Phrase, list[str]] = {}
    silent: set[str] = set()
    for name, words in _lines(language):
        for text in words:
            tokens = _TOKEN.findall(fold(text))
            if name == "-":
                silent.update(tokens)
                continue
            for first in _forms(tokens[0], language):
                phrase = tuple(stem(word, language) for word in (first, *tokens[1:]))
                known = concepts.setdefault(phrase, [])
                term = name if name.startswith("@") else f"={name}"
                if term not in known:
                    known.append(term)
    found = {phrase: tuple(names) for phrase, names in concepts.items()}
    return Lexicon(language, found, frozenset(silent))


def _forms(word: str, language: str) -> Iterator[str]:
    yield word
    if language == "cy" and len(word) > SHORTEST:
        first = word[:2] if word[:2] in _MUTATIONS else word[:1]
        yield from (changed + word[len(first) :] for changed in _MUTATIONS.get(first, ()))


@cache
def _above() -> dict[str, str]:
    """The broader concept of each that has one; the English list says so for all."""
    heads = (line.partition(":")[0].partition("<") for line in _text("en"))
    return {f"={name.strip()}": f"={above.strip()}" for name, _, above in heads if above}


def _lines(language: str) -> Iterator[tuple[str, list[str]]]:
    for line in _text(language):
        head, _, words = line.partition(":")
        yield head.partition("<")[0].strip(), [word.strip() for word in words.split(",")]


@cache
def _text(language: str) -> tuple[str, ...]:
    path = files("hub.exchange") / "words" / f"{language}.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))
