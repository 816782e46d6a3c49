"""What the forms and lists of events, offers and wants have in common.

A page's form becomes the members of a draft, so that pages, programs and imports obey the same
rules; what a draft refuses is told beside the field that it came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from fastapi import Request
from pydantic import BaseModel, ValidationError

from hub.core.errors import Invalid
from hub.core.settings import Settings
from hub.core.words import later
from hub.entries.access import LABELS
from hub.entries.models import Entry, Picture
from hub.entries.schemas import refusal
from hub.web.forms import Form

# What these tell of a person is not for everybody: their form preselects "neighbours only".
THEMES: Final = ("food", "money", "health", "safety")  # SETTLED 2

SEVERAL: Final = frozenset({"access"})  # filters with a box for each value

CHOOSE_AGAIN: Final = later("please choose the picture again")

_FIELDS: Final = {"image": "picture"}
_WORDS: Final = {
    "must be after starts_at": later("must be after the start"),
    "must be after available_from": later("must be after the day from which it is there"),
    "must be the picture's bytes in base64": later("is not a picture that we take"),
}
_NO_MOMENT: Final = "must be a date and time"  # how schemas begin to say so

A = TypeVar("A", bound=BaseModel)


def members(form: Form, names: Iterable[str]) -> dict[str, Any]:
    """The text fields of a form as members of a draft, and its tags and visibility."""
    found: dict[str, Any] = {name: form.text(name) for name in names}
    found["visibility"] = form.text("visibility") or None
    found["language"] = form.text("language") or None
    found["tags"] = _tags(form)
    return found


def image(form: Form, picture: Picture | None) -> dict[str, Any] | None:
    """The `image` member: a new picture, the one that is there, or none."""
    alt = form.text("picture_alt")
    file = form.file("picture")
    if file is not None:
        return {"data": file.data, "alt": alt}
    if picture is None or form.checked("picture_away"):
        return None
    return {"id": picture.id, "alt": alt}


def lines(form: Form, name: str) -> list[str]:
    """What stands in a field with one thing on each line."""
    return [line.strip() for line in form.text(name).splitlines() if line.strip()]


def facts(form: Form) -> dict[str, dict[str, str]]:
    """What was said of each fact about getting in."""
    return {
        name: {
            "state": form.text(f"access_{name}") or "unknown",
            "note": form.text(f"access_{name}_note"),
        }
        for name in LABELS
    }


def facts_kept(facts: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The facts about getting in, to fill a form."""
    found = {}
    for name, fact in facts.items():
        found[f"access_{name}"], found[f"access_{name}_note"] = fact["state"], fact["note"]
    return found


def wants_second_look(form: Form, *, delicate: bool = False) -> bool:
    """Whether something delicate would be shown to everybody without anyone having chosen so.

    Scripts preselect "neighbours only" while the form is filled; without them it is asked here.
    """
    themes = set(form.all("themes")) & set(THEMES)
    return (
        bool(themes or delicate)
        and form.text("visibility") == "public"
        and not form.checked("chosen")
    )


def errors(error: Invalid, form: Form, fields: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with which field of the form; `fields` renames members of the draft."""
    names = {**_FIELDS, **fields}
    found: dict[str, str] = {}
    for member, words in error.fields.items():
        top = member.partition(".")[0]
        name = "picture_alt" if top == "image" and " alt" in words else names.get(top, top)
        found.setdefault(name, _plainly(words))
    if form.file("picture") is not None and "picture" not in found:
        # Browsers do not fill a file field again.
        found["picture"] = CHOOSE_AGAIN
    return found


def filled(form: Form) -> dict[str, Any]:
    """What was entered, to fill the form again."""
    return {**form.values(), "themes": form.all("themes")}


def kept(entry: Entry) -> dict[str, Any]:
    """The fields that all entries share, to fill a form."""
    return {
        "title": entry.title,
        "description": entry.source or "",
        "location": entry.place,
        "language": entry.language,
        "tags": ", ".join(tag for tag in entry.tags if tag not in THEMES),
        "themes": [tag for tag in entry.tags if tag in THEMES],
        "visibility": entry.visibility,
        "chosen": "yes",
        "picture_alt": entry.picture.alt if entry.picture else "",
    }


def asked(request: Request, model: type[A], **more: str) -> A:
    """The filters in a page's address, and `more`; empty fields of a form do not count.

    Raises:
        Invalid: one of them makes no sense.
    """
    said = {**request.query_params, **more}
    given = {name: value for name, value in said.items() if value.strip()}
    for name in SEVERAL & given.keys():
        given[name] = ",".join(filter(None, request.query_params.getlist(name)))
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise refusal(error) from None


def narrowed(given: Mapping[str, object]) -> dict[str, object]:
    """Those of the filters that narrow."""
    return {name: value for name, value in given.items() if value not in {"", None, "all"}}


def address(path: str, given: Mapping[str, object]) -> str:
    """A path with those of the filters that narrow."""
    narrow = narrowed(given)
    return f"{path}?{urlencode(narrow)}" if narrow else path


def origins(chosen: str, known: Sequence[str], settings: Settings) -> list[str]:
    """The hosts that a list can be narrowed to, ours not among them."""
    hosts = set(known) | ({chosen} - {"all", "local"})
    return sorted(hosts - settings.authorities)


def _tags(form: Form) -> str | list[str]:
    """The words of the field, and the themes that were ticked."""
    entered, themes = form.text("tags"), [one for one in form.all("themes") if one in THEMES]
    words = entered.split(",") if "," in entered else entered.split()
    return [word for word in words if word.strip()] + themes


def _plainly(words: str) -> str:
    return (
        later("must be a day and a time")
        if words.startswith(_NO_MOMENT)
        else _WORDS.get(words, words)
    )
