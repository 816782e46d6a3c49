"""An extract of OpenStreetMap as places and organisations of the directory. Pure.

Read is what osmium reads (`.osm.pbf`, `.osm`), and GeoJSON that names what each thing is there, as
Overpass and `osmium export` write it. What has no name, or is of no kind that was chosen, is no
row.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from hub.core.errors import Invalid
from hub.core.licences import ODBL
from hub.core.words import filled, later
from hub.directory.models import OSM
from hub.directory.schemas import email_address
from hub.feeds import texts
from hub.feeds.rows import WORLDWIDE, Members, Row, digest
from hub.feeds.spreadsheets import MAX_ROWS
from hub.maps.earth import Box

ANY: Final = "*"
# What can be chosen, and by which tags it is known; the first that fits decides.
KINDS: Final[Mapping[str, Mapping[str, str]]] = {
    "groups": {"club": ANY, "office": "association charity foundation ngo cooperative union"},
    "meeting": {
        "amenity": "community_centre social_centre events_venue conference_centre marketplace",
        "leisure": "hackerspace bandstand",
    },
    "help": {
        "amenity": "social_facility food_bank food_sharing refugee_site give_box "
        "bicycle_repair_station",
        "social_facility": ANY,
    },
    "culture": {
        "amenity": "arts_centre theatre cinema music_school studio public_bookcase",
        "tourism": "museum gallery",
    },
    "learning": {
        "amenity": "library toy_library school kindergarten childcare college university "
        "language_school training",
    },
    "outdoors": {
        "leisure": "park garden playground nature_reserve common dog_park",
        "landuse": "allotments",
    },
    "sport": {"leisure": "sports_centre sports_hall swimming_pool stadium ice_rink fitness_centre"},
    "services": {
        "amenity": "townhall post_office police fire_station recycling toilets public_bath",
        "office": "government employment_agency",
    },
    "worship": {"amenity": "place_of_worship monastery"},
    "health": {"amenity": "hospital clinic doctors dentist pharmacy", "healthcare": ANY},
    "food": {"amenity": "cafe restaurant pub bar fast_food ice_cream biergarten"},
    "shops": {"shop": ANY, "craft": ANY},
}
GROUPS: Final = "groups"  # the kind that is organisations
USUAL: Final = ("groups", "meeting", "help", "culture", "learning", "outdoors", "sport", "services")
GONE: Final = ("disused", "abandoned", "vacant", "no")
ACCESS: Final[Mapping[str, tuple[str, ...]]] = {
    "entrance": ("wheelchair",),
    "toilet": ("toilets:wheelchair", "wheelchair:toilets"),
    "hearing_loop": ("hearing_loop", "audio_loop"),
}
FREE: Final = {"no": "yes", "yes": "no"}  # by `fee`, which says the contrary
STATES: Final = {"yes": "yes", "designated": "yes", "limited": "part", "no": "no"}
CHECKED: Final = ("check_date", "survey:date")
_TAG: Final = re.compile(r"[a-z0-9_:]{1,60}=(?:\*|[\w:. -]{1,60})")
_ID: Final = re.compile(r"(node|way|relation)/([1-9]\d{0,18})")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
NEEDS_MORE: Final = later(
    "Reading such a file needs some packages more, once: pip install 'neighbourhood-hub[map]' in "
    "the hub’s own environment. GeoJSON can be read without them."
)
NO_EXTRACT: Final = later(
    "This is no extract of OpenStreetMap that we can read: it must be .osm.pbf, .osm, or GeoJSON "
    "that says which thing of OpenStreetMap each is."
)


@dataclass(frozen=True, slots=True)
class Found:
    """A thing with its tags; `id` is such as `node/12`, `seen` the day of its last change."""

    id: str
    tags: Mapping[str, str]
    latitude: float
    longitude: float
    seen: str = ""


def kinds_of(text: str) -> tuple[str, ...]:
    """What is chosen by words with commas: names of `KINDS`, or tags such as `amenity=pub`.

    Raises:
        Invalid: one of them is neither.
    """
    chosen = tuple(filter(None, (part.strip() for part in text.split(","))))
    for one in chosen:
        if one not in KINDS and not _TAG.fullmatch(one):
            raise Invalid(
                filled(
                    "“{kind}” is no kind of place. There are {kinds}; or a tag, such as "
                    "amenity=pub.",
                    kind=texts.cut(one, 40),
                    kinds=", ".join(KINDS),
                )
            )
    return chosen or USUAL


def rows_of(data: bytes, kinds: Sequence[str], box: Box | None) -> list[Row]:
    """What in an extract is of these kinds, and lies in `box` (None: everywhere).

    Raises:
        Invalid: it is none that we can read, or holds too much.
    """
    found: dict[str, Row] = {}
    for one in _read(data):
        sort = _sort(one.tags, kinds)
        name = texts.line(one.tags.get("name", ""), texts.MAX_TITLE)
        if not sort or not name or (box is not None and not box.holds(one.latitude, one.longitude)):
            continue
        if len(found) == MAX_ROWS:
            raise Invalid(
                filled(
                    "This extract holds more than {most} places. Choose fewer kinds of them.",
                    most=MAX_ROWS,
                )
            )
        found.setdefault(one.id, _row(one, *sort, name))
    return list(found.values())


# ----------------------------------------------------------------------------- what it is


def _sort(tags: Mapping[str, str], kinds: Sequence[str]) -> tuple[str, str] | None:
    """Whether it is a place or an organisation, and its tag here; None if it was not chosen."""
    for kind in kinds:
        wanted = KINDS.get(kind) or dict([kind.split("=", 1)])
        for key, values in wanted.items():
            value = tags.get(key, "")
            if value and value not in GONE and (values == ANY or value in values.split()):
                sort = "organisation" if kind == GROUPS else "place"
                return sort, key if value == "yes" else value.split(";")[0]
    return None


def _row(one: Found, sort: str, kind: str, name: str) -> Row:
    members = _members(one, kind, name)
    return Row(
        key=f"{WORLDWIDE}{one.id}",
        place=one.id,
        kind=sort,
        title=name,
        when=members["location"] or "",
        members=members,
        fingerprint=digest(sort, members),
    )


def _members(one: Found, kind: str, name: str) -> Members:
    """The tags as members of a draft; what cannot be right is left out, since nobody here wrote it.

    What is not said is None: a second import does not empty what neighbours added.
    """
    tags = one.tags
    members: Members = {
        "title": name,
        "summary": texts.line(tags.get("description", ""), 500) or None,
        "location": texts.line(_address(tags), texts.MAX_LOCATION) or None,
        "latitude": round(one.latitude, 6),
        "longitude": round(one.longitude, 6),
        "email": _email(_first(tags, "email", "contact:email")),
        "phone": texts.line(_first(tags, "phone", "contact:phone"), 60) or None,
        "website": texts.web_address(_first(tags, "website", "contact:website", "url")) or None,
        "links": [f"{OSM}{one.id}"],
        "opening_hours": texts.line(tags.get("opening_hours", ""), 300) or None,
        "access_facts": _facts(tags) or None,
        "tags": texts.tags([kind.replace("_", " ")]),
        "license": ODBL,
    }
    checked = next((tags[key] for key in CHECKED if _DAY.fullmatch(tags.get(key, ""))), one.seen)
    return members | ({"checked_at": checked} if checked else {})


def _facts(tags: Mapping[str, str]) -> Members:
    """How one gets in, as far as the tags say."""
    found: Members = {}
    for fact, keys in ACCESS.items():
        state = STATES.get(_first(tags, *keys))
        if state is not None:
            found[fact] = {"state": state}
    if tags.get("fee") in FREE:
        found["free"] = {"state": FREE[tags["fee"]]}
    note = texts.line(tags.get("wheelchair:description", ""), 200)
    if note and "entrance" in found:
        found["entrance"]["note"] = note
    return found


def _address(tags: Mapping[str, str]) -> str:
    street = " ".join(
        filter(None, (_first(tags, "addr:street", "addr:place"), tags.get("addr:housenumber")))
    )
    town = " ".join(filter(None, (tags.get("addr:postcode"), _first(tags, "addr:city"))))
    return ", ".join(filter(None, (street, town)))


def _first(tags: Mapping[str, str], *keys: str) -> str:
    """The first of several values, parted by semicolons, of the first key that is there."""
    value = next((tags[key] for key in keys if tags.get(key)), "")
    return value.split(";")[0].strip()


def _email(text: str) -> str | None:
    try:
        return email_address(text) or None
    except ValueError:
        return None


# ------------------------------------------------------------------------------- reading


def _read(data: bytes) -> Iterator[Found]:
    if data.lstrip()[:1] == b"{":
        return _of_geojson(data)
    return _of_osm(data)


def _of_osm(data: bytes) -> Iterator[Found]:
    try:
        osmium: Any = importlib.import_module("osmium")
    except ImportError:
        raise Invalid(NEEDS_MORE) from None
    kind = "osm" if data.lstrip()[:1] == b"<" else "osm.pbf"
    try:
        file = osmium.io.FileBuffer(data, kind)
        objects = osmium.FileProcessor(file).with_locations().with_areas()
        named = objects.with_filter(osmium.filter.KeyFilter("name"))
        for thing in named:
            tags = {tag.k: tag.v for tag in thing.tags}
            seen = f"{thing.timestamp:%Y-%m-%d}" if thing.timestamp.year > 2000 else ""  # noqa: PLR2004
            if thing.is_node():
                yield Found(f"node/{thing.id}", tags, thing.lat, thing.lon, seen)
            elif thing.is_area():
                sort = "way" if thing.from_way() else "relation"
                nodes = [(node.lat, node.lon) for ring in thing.outer_rings() for node in ring]
                yield Found(f"{sort}/{thing.orig_id()}", tags, *_middle(nodes), seen)
    except RuntimeError as error:  # whatever osmium does not like
        raise Invalid(NO_EXTRACT) from error


def _of_geojson(data: bytes) -> Iterator[Found]:
    try:
        features = orjson.loads(data)["features"]
        for feature in features:
            tags = {str(key): str(value) for key, value in feature["properties"].items()}
            points = list(_points(feature["geometry"]["coordinates"]))
            yield Found(_id(feature, tags), tags, *_middle(points))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Invalid(NO_EXTRACT) from error


def _id(feature: Members, tags: Mapping[str, str]) -> str:
    """What a feature is called at OpenStreetMap.

    Raises:
        LookupError: it does not say.
    """
    said = (feature.get("id", ""), tags.get("@id", ""), f"{tags.get('@type')}/{tags.get('@id')}")
    for one in said:
        if _ID.fullmatch(str(one)):
            return str(one)
    raise LookupError


def _points(coordinates: Any) -> Iterator[tuple[float, float]]:
    """Latitude and longitude of all points of a geometry, however deep they lie."""
    if isinstance(coordinates[0], int | float):
        yield float(coordinates[1]), float(coordinates[0])
        return
    for part in coordinates:
        yield from _points(part)


def _middle(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    latitudes, longitudes = [point[0] for point in points], [point[1] for point in points]
    return (
        (min(latitudes) + max(latitudes)) / 2,
        (min(longitudes) + max(longitudes)) / 2,
    )
