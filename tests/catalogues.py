"""What the pages say, gathered for translation: `make words` brings every catalogue up to date.

New messages are added without a translation, those that are said no more are dropped, and nothing
is guessed. Comments say in which files a message stands.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from hub.core.words import CATALOGUES, ENGLISH, languages

ROOT = Path(__file__).parent.parent
METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
# In Python: what is marked, and the sentences of errors, which pages show.
KEYWORDS = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "later": None,
    "filled": None,
    "say": None,
    "say_many": (1, 2),
    **dict.fromkeys(
        (
            "Invalid",
            "NotSignedIn",
            "Forbidden",
            "NotFound",
            "Gone",
            "Conflict",
            "TooMany",
            "TooBig",
            "Elsewhere",
            "Busy",
        )
    ),
}


def gathered() -> Catalog:
    """Every message of the hub's pages, in English."""
    found = Catalog(project="neighbourhood-hub", fuzzy=False)
    for name, _, message, comments, _ in extract_from_dir(
        ROOT / "hub", METHODS, keywords=KEYWORDS, comment_tags=("Translators:",)
    ):
        found.add(message, None, [(f"hub/{name}", 0)], auto_comments=comments)
    return found


def catalogue(language: str) -> Catalog:
    """The catalogue of a language as it is kept."""
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def written(kept: Catalog) -> str:
    """A catalogue as it is kept: the same messages are the same bytes."""
    out = BytesIO()
    write_po(out, kept, width=100, sort_by_file=True, include_lineno=False, omit_header=False)
    lines = out.getvalue().decode().splitlines()
    # What changes with the day, and what nobody filled in.
    idle = ('"POT-', '"PO-', '"Generated-By', '"Last-T', '"Language-T', '"Report-', '"Project-Id')
    return "\n".join(line for line in lines if not line.startswith(idle)).strip() + "\n"


def main() -> int:
    """Bring the catalogues up to date, and those of the languages that are named; 0."""
    messages = gathered()
    for language in sorted({*languages(), *sys.argv[1:]} - {ENGLISH}):
        path = CATALOGUES / f"{language}.po"
        kept = catalogue(language) if path.exists() else Catalog(locale=language, fuzzy=False)
        kept.update(messages, no_fuzzy_matching=True)
        kept.obsolete.clear()
        kept.header_comment = f"# What the hub's pages say in {kept.locale}."
        path.write_text(written(kept), encoding="utf-8")
        missing = sum(1 for each in kept if each.id and not is_said(each.string))
        print(f"{language}: {len(kept)} messages, {missing} without a translation")
    return 0


def is_said(string: object) -> bool:
    """Whether a message has its translation, in all of its forms."""
    return all(string) if isinstance(string, tuple | list) else bool(string)


if __name__ == "__main__":
    sys.exit(main())
