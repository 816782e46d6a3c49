"""Rows of a table that are places or organisations. Pure.

Headings are guessed from what people write over their columns, in three languages; whoever imports
by the page may say otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from hub.core.errors import Invalid
from hub.core.text import fold
from hub.core.words import filled
from hub.directory.schemas import MOST_LINES, MOST_LINKS
from hub.entries.access import LABELS
from hub.feeds import texts
from hub.feeds.rows import Members, Row, digest, sentence

COLUMNS: Final = {
    "type": "type sort typ",
    "id": "id key ref reference nr nummer schlussel kennung no numero",
    "title": "title name titel bezeichnung nom intitule organisation organization place venue "
    "facility verein einrichtung ort_name association lieu structure",
    "summary": "summary short in_short kurz kurzbeschreibung zusammenfassung resume",
    "description": "description details text notes about beschreibung bemerkung infos remarques",
    "location": "location address full_address where adresse anschrift standort ort",
    "street": "street street_address address_1 address_line_1 strasse rue",
    "postcode": "postcode post_code zip zip_code postal_code plz postleitzahl code_postal",
    "town": "town city locality stadt gemeinde wohnort ville commune",
    "latitude": "latitude lat breite breitengrad y",
    "longitude": "longitude lon lng long lange langengrad x",
    "email": "email e_mail mail contact_email e_mail_adresse courriel",
    "phone": "phone telephone tel phone_number contact_number telefon tel_nr",
    "website": "website web url homepage web_site internet webseite site site_web",
    "links": "links more_links social facebook weitere_links liens",
    "opening_hours": "opening_hours hours opening_times open offnungszeiten geoffnet horaires",
    "access": "access accessibility zugang barrierefreiheit acces accessibilite",
    "entrance": "entrance wheelchair step_free wheelchair_access rollstuhl barrierefrei "
    "fauteuil_roulant",
    "toilet": "toilet accessible_toilet wheelchair_toilet toilette behinderten_wc wc toilettes",
    "hearing_loop": "hearing_loop induction_loop horschleife boucle_magnetique",
    "free": "free free_of_charge no_charge kostenlos kostenfrei eintritt_frei gratuit gratis",
    "has": "has we_have offers facilities equipment haben ausstattung angebot equipement",
    "lacks": "lacks needs we_need wanted braucht bedarf sucht besoins",
    "tags": "tags keywords category categories theme schlagworte stichworte kategorie etiquettes "
    "mots_cles categorie",
    "checked_at": "checked checked_at last_checked updated last_updated gepruft stand verifie",
    "visibility": "visibility sichtbarkeit visibilite",
    "language": "language sprache langue",
}
STATES: Final = {
    "yes": "yes y ja oui tak true 1 full fully x",
    "part": "part partly partial partially limited teilweise eingeschrankt partiel",
    "no": "no n nein non nie false 0 none",
}
_SINGLE_FACTS: Final = ("entrance", "toilet", "hearing_loop", "free")
_ADDRESS: Final = ("street", "postcode", "town")
MAX_ID: Final = 200
Moment = Callable[[str], str]


def row(cells: Members, number: int, sort: str, seen: dict[str, int], moment: Moment) -> Row:
    """A line of the table as a row of an import; `moment` reads a date."""
    title = texts.line(cells.get("title", ""), texts.MAX_TITLE)
    place = f"row {number}"
    try:
        if not title:
            raise Invalid("has no name")
        members = _members(cells, title, moment)
        key = _key(cells, sort, title, members, seen, number)
    except Invalid as refusal:
        words = sentence(filled("Row {number}", number=number), str(refusal))
        return Row(key="", place=place, kind="", title=title, refusal=words)
    return Row(
        key=key,
        place=place,
        kind=sort,
        title=title,
        when=str(members.get("location") or ""),
        members=members,
        fingerprint=digest(sort, members),
    )


def _key(
    cells: Members, sort: str, title: str, members: Members, seen: dict[str, int], number: int
) -> str:
    """How the row is found again: by its id, else by its name and address.

    Raises:
        Invalid: a row before was the same.
    """
    given = cells.get("id", "")
    where = fold(str(members.get("location") or ""))
    said = f"id {texts.cut(given, MAX_ID)}" if given else digest(fold(title), {"at": where})[:32]
    key = f"{sort} {said}"
    before = seen.setdefault(key, number)
    if before != number:
        raise Invalid(filled("is the same as row {number}", number=before))
    return key


def _members(cells: Members, title: str, moment: Moment) -> Members:
    """The cells as members of a draft; those that the table does not have are left out."""
    readers: dict[str, Callable[[str], object]] = {
        "summary": lambda text: texts.line(text, 500),
        "description": lambda text: texts.prose(text, texts.MAX_DESCRIPTION),
        "latitude": _decimal,
        "longitude": _decimal,
        "email": lambda text: text.removeprefix("mailto:"),
        "phone": lambda text: texts.line(text, 60),
        "website": _address,
        "links": lambda text: [_address(one) for one in text.split()][:MOST_LINKS],
        "opening_hours": lambda text: texts.line(text.replace("\n", "; "), 300),
        "has": _lines,
        "lacks": _lines,
        "tags": lambda text: texts.tags(re.split(r"[,;#|/]", text)),
        "checked_at": moment,
        "visibility": str.lower,
        "language": str,
    }
    members: Members = {"title": title}
    for name, read in readers.items():
        if name in cells:
            members[name] = read(cells[name]) if cells[name] else None
    if "location" in cells or any(name in cells for name in _ADDRESS):
        members["location"] = texts.line(_location(cells), texts.MAX_LOCATION)
    facts = _facts(cells)
    if facts or "access" in cells:
        members["access_facts"] = facts
    return members


def _location(cells: Members) -> str:
    town = " ".join(filter(None, (cells.get("postcode", ""), cells.get("town", ""))))
    parts = (cells.get("location", "").replace("\n", ", "), cells.get("street", ""), town)
    return ", ".join(part for part in parts if part)


def _facts(cells: Members) -> dict[str, str]:
    """What is said of getting in: in a column of all, as `entrance: yes; toilet: part`, or each.

    Raises:
        Invalid: something there is no fact, or neither yes nor no.
    """
    found: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in cells.get("access", "").split(";"))):
        name, parted, state = part.partition(":")
        if not parted or name.strip() not in LABELS:
            raise Invalid(
                filled(
                    "has “{text}” about access; write it as entrance: yes",
                    text=texts.cut(part, 40),
                )
            )
        found[name.strip()] = _state(state, name.strip())
    for name in _SINGLE_FACTS:
        if cells.get(name):
            found[name] = _state(cells[name], name)
    return found


def _state(text: str, name: str) -> str:
    word = fold(text).strip()
    for state, words in STATES.items():
        if word in words.split():
            return state
    if word in {"unknown", "?", "unbekannt", "inconnu"}:
        return "unknown"
    raise Invalid(
        filled(
            "has “{text}” as {name}; it must be yes, part or no",
            text=texts.cut(text.strip(), 40),
            name=name,
        )
    )


def _lines(text: str) -> list[str]:
    parts = (texts.line(part, 120) for part in re.split(r"[;\n|]", text))
    return [part for part in parts if part][:MOST_LINES]


def _address(text: str) -> str:
    """A web address; people leave out how it begins."""
    text = text.strip()
    return text if "://" in text or not text else f"https://{text}"


def _decimal(text: str) -> str:
    """A number, with a point: `2,5` is `2.5`."""
    return text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
