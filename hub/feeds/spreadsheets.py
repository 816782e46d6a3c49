"""A table as rows: offers and wants, or places and organisations, each by its number. Pure.

Spreadsheets write what their country writes: semicolons, commas in numbers, days before months,
headings in their own language.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from hub.core.errors import Invalid
from hub.core.text import fold
from hub.core.words import filled
from hub.feeds import directories, texts, workbooks
from hub.feeds.repeating import Window
from hub.feeds.rows import Members, Row, digest, sentence

MAX_ROWS: Final = 5000
MOST_LINES: Final = 50_000  # empty ones among them
MAX_CELL: Final = 30_000
MAX_ID: Final = 200
FIRST_ROW: Final = 2  # as spreadsheets count: the headings are row 1
DELIMITERS: Final = ",;\t|"

COLUMNS: Final = {
    "type": "type offer/want side typ angebot/gesuch richtung type offre/demande sens",
    "id": "id key ref reference nr nummer schlussel kennung no numero",
    "title": "title name what item heading titel bezeichnung was titre nom intitule",
    "description": "description details text notes beschreibung text bemerkung details",
    "kind": "kind category what_kind kategorie art sorte genre categorie",
    "mode": "mode how terms weise wie bedingung modalite comment",
    "quantity": "quantity amount number count menge anzahl quantite nombre",
    "available_from": "available_from from starts start available ab von verfugbar_ab "
    "a_partir_de des_le disponible_des",
    "expires_at": "expires_at until expires ends end valid_until bis gultig_bis endet "
    "jusqu_au jusqu_a expire_le fin",
    "location": "location place where address ort adresse wo standort lieu endroit adresse",
    "latitude": "latitude lat breite breitengrad",
    "longitude": "longitude lon lng long lange langengrad",
    "tags": "tags keywords schlagworte stichworte etiquettes mots_cles",
    "price": "price cost preis kosten prix cout",
    "visibility": "visibility sichtbarkeit visibilite",
}
TYPES: Final = {
    "offer": "offer offers offering have give biete angebot angebote offre j_offre propose",
    "want": "want wants wanted need request looking_for suche gesuch gesuche wunsch bedarf "
    "demande je_cherche cherche recherche besoin",
}
SORTS: Final = {
    "place": "place places venue location ort orte lieu lieux facility einrichtung",
    "organisation": "organisation organisations organization organizations group groups verein "
    "vereine gruppe gruppen association associations groupe",
}
KINDS: Final = {
    "item": "item thing object gegenstand sache ding objet chose",
    "skill": "skill service help fahigkeit konnen hilfe dienst competence savoir_faire aide",
    "space": "space room raum zimmer platz flache espace salle local",
    "time": "time hours zeit stunden temps heures",
    "food": "food meal essen lebensmittel nourriture repas",
}
MODES: Final = {
    "give": "give gift free verschenken schenken geschenk umsonst gratis donner don gratuit",
    "lend": "lend borrow loan leihen verleihen ausleihen leihe preter pret emprunter",
    "swap": "swap exchange barter tauschen tausch echanger echange troc",
    "share": "share teilen gemeinsam partager partage",
    "sell": "sell sale verkaufen verkauf vendre vente",
}
PARTS_OF_DATE: Final = ("year", "month", "day")
_DATE: Final = re.compile(
    r"(?:(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"|(?P<day2>\d{1,2})[./](?P<month2>\d{1,2})[./](?P<year2>\d{4}))"
    r"(?:[T ,]+(?P<hour>\d{1,2})[:.h](?P<minute>\d{2})(?::\d{2})?)?"
)


def rows_of(
    data: bytes,
    timezone: str,
    window: Window,
    sort: str = "",
    chosen: Mapping[str, int] | None = None,
) -> list[Row]:
    """The rows of a spreadsheet; `timezone` is the clock of its dates.

    `sort` is place or organisation where its rows are of that and do not say so themselves;
    `chosen` says which column holds what, by the member; without it that is guessed.

    Raises:
        Invalid: it is no spreadsheet that we can read, or one that is too long.
    """
    heading, lines = _table(data)
    zone, seen, found = ZoneInfo(timezone), dict[str, int](), list[Row]()
    listed = bool(sort) or _is_directory(heading, lines)
    if chosen is None:
        chosen = directory_columns(heading) if listed else _columns(heading)
    for number, line in lines:
        cells = {
            name: texts.mended(line[at]).strip() for name, at in chosen.items() if at < len(line)
        }
        if not any(cells.values()):
            continue
        if len(found) == MAX_ROWS:
            raise Invalid(
                filled("This file has more than {most} rows. Import it in parts.", most=MAX_ROWS)
            )
        if listed:
            said = _meant(cells.get("type", ""), SORTS) or sort or "place"
            found.append(
                directories.row(cells, number, said, seen, lambda text: _moment(text, zone))
            )
        else:
            found.append(_row(cells, number, seen, zone, window))
    return found


def headings(data: bytes) -> tuple[list[str], dict[str, int]]:
    """What stands over the columns of a table of the directory, and what each is taken for.

    Raises:
        Invalid: it is no spreadsheet that we can read.
    """
    heading, _ = _table(data)
    return [texts.line(cell, 100) for cell in heading], directory_columns(heading, check=False)


def _table(data: bytes) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The headings, and the lines after them with their numbers.

    Raises:
        Invalid: it is no spreadsheet that we can read.
    """
    if workbooks.is_workbook(data):
        records = workbooks.records(data)
    else:
        text = texts.decoded(data)
        if "\0" in text:
            raise Invalid("This is no table. Save it as CSV (UTF-8) or XLSX and try again.")
        records = _records(text)
    numbered = enumerate(records, start=FIRST_ROW - 1)
    heading = next((line for _, line in numbered if any(cell.strip() for cell in line)), [])
    return heading, list(islice(numbered, MOST_LINES))


def _is_directory(heading: list[str], lines: list[tuple[int, list[str]]]) -> bool:
    """Whether the rows say that they are places or organisations."""
    at = next((i for i, cell in enumerate(heading) if _meant(cell, COLUMNS) == "type"), None)
    said = [line[at] for _, line in lines if at is not None and at < len(line)]
    return any(_meant(cell, SORTS) for cell in said)


def directory_columns(heading: list[str], *, check: bool = True) -> dict[str, int]:
    """Which column of a table of the directory holds what.

    Raises:
        Invalid: none holds the names, and `check`.
    """
    found: dict[str, int] = {}
    for at, cell in enumerate(heading):
        name = _meant(cell, directories.COLUMNS)
        if name is not None:
            found.setdefault(name, at)
    if check and "title" not in found:
        raise Invalid(
            filled(
                "The first row names no column name. It must name the columns: name, and any of "
                "{columns}.",
                columns=", ".join(list(directories.COLUMNS)[3:]),
            )
        )
    return found


def _records(text: str) -> Iterator[list[str]]:
    """The lines of cells.

    Raises:
        Invalid: a cell is too long, or a quotation mark is never closed.
    """
    heading = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(DELIMITERS, key=heading.count)
    reader = csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=delimiter)
    csv.field_size_limit(MAX_CELL)
    try:
        yield from reader
    except csv.Error as error:
        raise Invalid(
            filled("Line {number} of the file cannot be read.", number=reader.line_num)
        ) from error


def _columns(heading: list[str]) -> dict[str, int]:
    """Which column holds what.

    Raises:
        Invalid: the headings that we need are missing.
    """
    found: dict[str, int] = {}
    for at, cell in enumerate(heading):
        name = _meant(cell, COLUMNS)
        if name is not None:
            found.setdefault(name, at)
    missing = [name for name in ("title", "type") if name not in found]
    if missing:
        raise Invalid(
            filled(
                "The first row names no column {missing}. It must name the columns: "
                "type (offer or want), title, and any of {others}.",
                missing=", ".join(missing),
                others=", ".join(list(COLUMNS)[3:]),
            )
        )
    return found


def _word(text: str) -> str:
    """A heading or a choice as the lists above have it."""
    return re.sub(r"[\s'’_-]+", "_", fold(text)).strip("_:*.")


def _meant(text: str, choices: dict[str, str]) -> str | None:
    """The choice that a word means."""
    word = _word(text)
    return next((name for name, words in choices.items() if word in words.split()), None)


def _row(cells: Members, number: int, seen: dict[str, int], zone: ZoneInfo, window: Window) -> Row:
    title = texts.line(cells.get("title", ""), texts.MAX_TITLE)
    place = f"row {number}"
    try:
        kind = _choice(cells, "type", TYPES)
        if kind is None:
            raise Invalid("does not say whether it is an offer or a want")
        if not title:
            raise Invalid("has no title")
        key = _key(kind, cells, title, seen, number)
        members = _members(cells, title, zone)
    except Invalid as refusal:
        words = sentence(filled("Row {number}", number=number), str(refusal))
        return Row(key="", place=place, kind="", title=title, refusal=words)
    expires_at = members["expires_at"]
    return Row(
        key=key,
        place=place,
        kind=kind,
        title=title,
        when=f"until {expires_at[:10]}" if expires_at else "",
        members=members,
        fingerprint=digest(kind, members),
        over=bool(expires_at) and datetime.fromisoformat(expires_at) <= window.now,
    )


def _key(kind: str, cells: Members, title: str, seen: dict[str, int], number: int) -> str:
    """How the row is found again: by its id, else by its title.

    Raises:
        Invalid: the same id stood in a row before.
    """
    given = cells.get("id", "")
    if given:
        key = f"{kind} id {texts.cut(given, MAX_ID)}"
        before = seen.setdefault(key, number)
        if before != number:
            raise Invalid(
                filled("has the id {id}, which row {number} has too", id=given, number=before)
            )
        return key
    key = f"{kind} title {digest(fold(title))[:32]}"
    nth = seen[key] = seen.get(key, 0) + 1
    return key if nth == 1 else f"{key} {nth}"


def _members(cells: Members, title: str, zone: ZoneInfo) -> Members:
    """The cells as members of a draft; those that the file does not have are left out."""
    readers: dict[str, Callable[[str], object]] = {
        "description": lambda text: texts.prose(text, texts.MAX_DESCRIPTION),
        "quantity": _decimal,
        "available_from": lambda text: _moment(text, zone),
        "expires_at": lambda text: _moment(text, zone, end=True),
        "location": lambda text: texts.line(text, texts.MAX_LOCATION),
        "latitude": _decimal,
        "longitude": _decimal,
        "tags": lambda text: texts.tags(re.split(r"[,;#|]", text)),
        "price": lambda text: texts.line(text, texts.MAX_TITLE),
        "visibility": str.lower,
    }
    members: Members = {"title": title, "expires_at": None}
    for name, read in readers.items():
        if name in cells:
            members[name] = read(cells[name]) if cells[name] else None
    for name, choices in (("kind", KINDS), ("mode", MODES)):
        if name in cells:
            members[name] = _choice(cells, name, choices)
    return members


def _choice(cells: Members, name: str, choices: dict[str, str]) -> str | None:
    """What was chosen; None if nothing was.

    Raises:
        Invalid: it is none of the choices.
    """
    text = cells.get(name, "")
    found = _meant(text, choices)
    if text and found is None:
        raise Invalid(
            filled(
                "has “{text}” as {column}; it must be one of {choices}",
                text=texts.cut(text, 40),
                column=name,
                choices=", ".join(choices),
            )
        )
    return found


def _decimal(text: str) -> str:
    """A number, with a point: `2,5` is `2.5`."""
    return text.replace(",", ".") if text.count(",") == 1 and "." not in text else text


def _moment(text: str, zone: ZoneInfo, *, end: bool = False) -> str:
    """A moment of the place; a day alone begins at midnight, or lasts until the next.

    Raises:
        Invalid: it is no date that we can read.
    """
    match = _DATE.fullmatch(text)
    try:
        if match is None:
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()
        part = match.groupdict()
        year, month, date = (int(part[name] or part[f"{name}2"]) for name in PARTS_OF_DATE)
        day = datetime(year, month, date, tzinfo=zone)
        if part["hour"]:
            return day.replace(hour=int(part["hour"]), minute=int(part["minute"])).isoformat()
        if end:
            day += timedelta(days=1, seconds=-1)
        return day.isoformat()
    except (ValueError, OverflowError):
        raise Invalid(
            filled(
                "has “{text}” as a date; write it as 2026-09-12 or 12.09.2026",
                text=texts.cut(text, 40),
            )
        ) from None
