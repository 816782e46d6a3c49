"""An extract of OpenStreetMap makes map and directory: looked at, taken, updated, taken back."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from hub.core.errors import Invalid, TooBig
from hub.core.files import write_whole
from hub.core.licences import ODBL
from hub.fediverse import follows
from hub.feeds import extracts, importing, reading, undoing
from hub.feeds.from_osm import PAGE
from hub.feeds.importing import Report
from hub.feeds.rows import Verdict
from hub.maps import making, shelf, underway
from tests import neighbours, towns_of_osm
from tests.conftest import MakeHub, Running, settle
from tests.neighbours import Neighbour
from tests.towns_of_osm import LATITUDE, LIBRARY, LONGITUDE

HTML = {"accept": "text/html"}
AREA: dict[str, Any] = {"latitude": LATITUDE, "longitude": LONGITUDE, "radius_m": 1000}
STREET: dict[str, Any] = {"addr:street": "Elm Street"}
SCHOOLS = [f"School No. {number}" for number in range(1, 5)]


@pytest.fixture
async def here(make_hub: MakeHub) -> Running:
    """A hub in the middle of the town."""
    hub: Running = await make_hub(**AREA)
    return hub


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """The town's extract."""
    return towns_of_osm.write(tmp_path / "town.osm.pbf", library={})


def _bytes(file: Path) -> bytes:
    return file.read_bytes()


async def _take(
    hub: Running, data: bytes, source: str = "town.osm.pbf", kinds: str = "", **how: Any
) -> tuple[dict[str, Verdict], Report]:
    """What became of each thing, by its name."""
    whole, doubles = how.pop("whole", False), how.pop("doubles", "skip")
    table = importing.extract(hub.services.settings, kinds, doubles, whole=whole)
    report = Report()
    run = importing.run(hub.services, "osm", data, source, report=report, table=table, **how)
    return {verdict.title: verdict async for verdict in run}, report


async def _listed(hub: Running, folder: str = "places") -> dict[str, dict[str, Any]]:
    answer = await hub.web.get(f"/api/v1/{folder}?limit=100")
    return {item["title"]: item for item in answer.json()["items"]}


def _geojson(*features: dict[str, Any]) -> bytes:
    return orjson.dumps({"type": "FeatureCollection", "features": features})


def _point(id_: Any, north: float = 0.0, **tags: str) -> dict[str, Any]:
    spot = {"type": "Point", "coordinates": [LONGITUDE, LATITUDE + north]}
    return {"type": "Feature", "id": id_, "properties": tags, "geometry": spot}


async def test_t15_an_extract_makes_directory_and_map_and_comes_again_without_doubles(
    here: Running, town: Path
) -> None:
    async for _ in making.build(here.services.settings, town):
        pass
    verdicts, report = await _take(here, _bytes(town), dry_run=True)
    assert report.import_id is None
    assert sorted(verdicts) == sorted(
        ["Lindenau Library", "Lindenau Choir", "Linden Park", *SCHOOLS]
    )
    assert await _listed(here) == {}

    _, report = await _take(here, _bytes(town))
    assert report.counts == {"new": 7}
    assert list(await _listed(here, "organisations")) == ["Lindenau Choir"]
    library = (await _listed(here))["Lindenau Library"]
    assert library["location"] == "Café Row 4, Lindenau"
    assert library["access_facts"] == {
        "entrance": {"state": "part", "note": "Ring at the side door"},
        "toilet": {"state": "yes", "note": ""},
        "free": {"state": "yes", "note": ""},
    }
    assert library["opening_hours"] == LIBRARY["opening_hours"]
    assert library["license"] == ODBL
    assert (library["phone"], library["email"]) == ("+49 30 123", "")
    assert library["checked_at"].startswith("2026-03-0")
    (osm,) = library["links"]
    assert re.fullmatch(r"https://www\.openstreetmap\.org/node/\d+", osm)
    shapes = (await here.web.get("/map.geojson")).json()
    assert len(shapes["features"]) == 7
    assert "ODbL" in shapes["attribution"]

    # Who made the map is named, on the page and in the table, and nothing is fetched from there.
    page = (await here.web.get(f"/places/{library['id']}", headers=HTML)).text
    assert "https://www.openstreetmap.org/copyright" in page
    for text in (page, (await here.web.get("/map", headers=HTML)).text):
        fetched = re.findall(r'(?:src|srcset|data)="([^"]*)"|<link[^>]*href="([^"]*)"', text)
        assert [
            one for pair in fetched for one in pair if "//" in one and here.url not in one
        ] == []
    assert "openstreetmap.org/copyright" in (await here.web.get("/places", headers=HTML)).text
    assert "ODbL" in (await here.web.get("/places.csv")).text
    items = (await here.web.get("/region.json")).json()["items"]
    assert [item["license"] for item in items] == [ODBL] * 7
    assert "© OpenStreetMap" in (await here.web.get("/map.svg")).text

    # The same again under another name, and then with what mappers changed meanwhile.
    _, again = await _take(here, _bytes(town), "town-2.osm.pbf")
    assert again.counts == {"same": 7}
    towns_of_osm.write(town, library={"opening_hours": "Mo-Fr 09:00-19:00"})
    verdicts, third = await _take(here, _bytes(town), "town-3.osm.pbf")
    assert third.counts == {"same": 6, "changed": 1}
    assert (await _listed(here))["Lindenau Library"]["opening_hours"] == "Mo-Fr 09:00-19:00"

    for done in (third, report):
        [line async for line in undoing.lines(here.services, str(done.import_id))]
    assert await _listed(here) == await _listed(here, "organisations") == {}
    assert (await here.web.get("/map.geojson")).json()["features"] == []


async def test_one_chooses_what_kinds_and_how_far(here: Running, town: Path) -> None:
    data = _bytes(town)
    verdicts, _ = await _take(here, data, kinds="food, club=music", dry_run=True)
    assert sorted(verdicts) == ["Duck Café", "Lindenau Choir"]
    verdicts, _ = await _take(here, data, kinds="meeting", whole=True, dry_run=True)
    assert sorted(verdicts) == ["Farther Hall"]
    with pytest.raises(Invalid, match=r"“pubs” is no kind of place\. There are groups, meeting"):
        await _take(here, data, kinds="pubs", dry_run=True)


async def test_what_is_here_already_is_known_by_name_and_distance(here: Running) -> None:
    spot = {"latitude": LATITUDE + 0.001, "longitude": LONGITUDE}  # 111 m
    await neighbours.post(here, "places", here.steward, title="Old Mill", phone="22", **spot)
    data = _geojson(
        _point("node/1", amenity="library", name="Old mill", phone="33"),
        _point("way/1", 0.01, amenity="library", name="Old Mill"),
        _point("node/2", amenity="theatre", name="Stage", **STREET),
        _point("node/3", amenity="cinema", name="Screen", **STREET),
    )
    verdicts, report = await _take(here, data, "a.geojson", dry_run=True)
    assert report.counts == {"same": 1, "new": 3}
    assert "which is here; left out" in verdicts["Old mill"].words
    _, report = await _take(here, data, "a.geojson", doubles="merge")
    assert report.counts == {"changed": 1, "new": 3}
    answer = await here.web.get("/api/v1/places?q=mill")
    assert sorted(item["phone"] for item in answer.json()["items"]) == ["", "33"]


async def test_geojson_is_read_as_overpass_and_osmium_write_it(here: Running) -> None:
    ring = [[LONGITUDE, LATITUDE], [LONGITUDE + 0.002, LATITUDE], [LONGITUDE, LATITUDE + 0.002]]
    area = {
        "type": "Feature",
        "properties": {"@id": 7, "@type": "way", "leisure": "park", "name": "Green"},
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
    }
    said: dict[str, Any] = {"@id": "node/5"}
    named = _point(None, amenity="library", name="Books", **said)
    shut = _point("node/6", amenity="library", name="")
    _, report = await _take(here, _geojson(area, named, shut), "a.geojson")
    assert report.counts == {"new": 2}
    green = (await _listed(here))["Green"]
    assert green["links"] == ["https://www.openstreetmap.org/way/7"]
    assert green["latitude"] == pytest.approx(LATITUDE + 0.001)
    nameless = _point("5", amenity="library", name="Books")
    with pytest.raises(Invalid, match="which thing of OpenStreetMap each is"):
        await _take(here, _geojson(nameless), "a.geojson")


@pytest.mark.parametrize("data", [b"", b"no extract", b"<osm", b'{"features": 5}', b"\0" * 999])
async def test_what_is_no_extract_is_told(here: Running, data: bytes) -> None:
    with pytest.raises(Invalid, match="no extract of OpenStreetMap"):
        await _take(here, data)


async def test_what_is_too_much_or_cannot_be_read_here_is_told(
    here: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TooBig, match="more than 20 MB"):
        await _take(here, bytes(reading.MAX_EXTRACT_BYTES + 1))
    monkeypatch.setattr(extracts, "MAX_ROWS", 1)
    features = [_point(f"node/{number}", amenity="library", name="L") for number in (1, 2)]
    with pytest.raises(Invalid, match="more than 1 places"):
        extracts.rows_of(_geojson(*features), extracts.USUAL, None)

    monkeypatch.setitem(sys.modules, "osmium", None)
    with pytest.raises(Invalid, match=r"neighbourhood-hub\[map\]"):
        list(extracts.rows_of(b"<osm>", extracts.USUAL, None))


async def test_followers_hear_of_what_came_and_from_where(
    hubs: tuple[Running, Running],
) -> None:
    here, there = hubs  # north and south
    data = _geojson(_point("node/1", amenity="library", name="Books", wheelchair="yes"))
    await follows.follow(there.services, "@places@north.example")
    await settle(here, there)
    await _take(here, data, "a.geojson", whole=True)
    await settle(here, there)
    books = (await _listed(there))["Books"]
    assert books["website"] == "https://www.openstreetmap.org/node/1"
    page = (await there.web.get(f"/places/{books['id']}", headers=HTML)).text
    assert "https://www.openstreetmap.org/copyright" in page


# ---------------------------------------------------------------------------------- by the page


async def _upload(hub: Running, ann: Neighbour, data: bytes) -> tuple[httpx2.Response, str]:
    """The page that is shown of a file, and the name under which the hub keeps it."""
    answer = await hub.web.post(
        PAGE,
        data={"csrf": ann.csrf},
        files={"extract": ("linden.osm.pbf", data, "application/octet-stream")},
        headers={**ann.pages, **HTML},
    )
    found = re.search(r'name="name" value="([\w-]+)"', answer.text)
    assert found is not None, answer.text
    return answer, found[1]


async def test_a_steward_brings_an_extract_makes_the_map_of_it_and_takes_places_in(
    here: Running, town: Path
) -> None:
    ann = await neighbours.person(here, "Ann", "steward")
    page, name = await _upload(here, ann, _bytes(town))
    assert "7 new" in page.text
    assert "Duck Café" not in page.text
    given: dict[str, Any] = {"name": name, "source": "linden.osm.pbf"}
    page = await neighbours.press(here, PAGE, ann, **given, deed="look", kind="food")
    assert "1 new" in page.text
    assert "Duck Café" in page.text

    asked = await neighbours.press(here, PAGE, ann, **given, deed="map")
    assert asked.headers["location"] == f"{PAGE}?said=making"
    assert "It is about to begin" in (await neighbours.page(here, PAGE, ann)).text
    again = await neighbours.press(here, PAGE, ann, **given, deed="map")
    assert again.status_code == 409
    await settle(here)
    page = await neighbours.page(here, f"{PAGE}?said=making", ann)
    assert "The map is up." in page.text
    assert "of linden.osm.pbf." in page.text
    assert "addresses: 217" in page.text
    found = (await here.web.get("/api/v1/addresses?q=cafe row 4")).json()["items"]
    assert found[0]["words"] == "Café Row 4, Lindenau"

    assert await _listed(here) == {}
    taken = await neighbours.press(here, PAGE, ann, **given, deed="take", kind="learning")
    assert taken.headers["location"] == "/admin/import?said=taken"
    assert sorted(await _listed(here)) == ["Lindenau Library", *SCHOOLS]
    page = await neighbours.page(here, "/admin/import", ann)
    number = re.search(r'name="import" value="([0-9a-f-]{36})"', page.text)
    assert number is not None
    await neighbours.press(here, "/admin/import/undo", ann, **{"import": number[1]})
    assert await _listed(here) == {}


async def test_a_map_that_fails_or_breaks_off_says_so_on_the_page(here: Running) -> None:
    ann = await neighbours.person(here, "Ann", "steward")
    page, name = await _upload(here, ann, b"no extract")
    assert "no extract of OpenStreetMap that we can read" in page.text
    given = {"name": name, "source": "linden.osm.pbf", "deed": "map"}
    await neighbours.press(here, PAGE, ann, **given)
    await settle(here)
    page = await neighbours.page(here, PAGE, ann)
    assert "linden.osm.pbf cannot be read as an extract" in page.text
    assert "This hub has no map of its streets yet." in page.text
    # Whoever made one was killed: nobody waits for it, and one can ask again.
    line = {"at": "2026-01-01T00:00:00+00:00", "words": "Drawing: 6%", "failed": False}
    file = shelf.folder_of(here.services.settings) / underway.FILE
    write_whole(file, orjson.dumps(line))
    page = await neighbours.page(here, PAGE, ann)
    assert "Making the map broke off." in page.text
    asked = await neighbours.press(here, PAGE, ann, **given)
    assert asked.status_code == 303
    await settle(here)
    gone = await neighbours.press(here, PAGE, ann, **{**given, "name": "x" * 32})
    assert gone.status_code == 410
    none = await neighbours.press(here, PAGE, ann)
    assert "Please choose a file." in none.text
