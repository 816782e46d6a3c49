"""The hub's own map: made of an extract, served by the hub, the same as list, picture and data."""

from __future__ import annotations

import asyncio
import gzip
import html
import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from defusedxml.ElementTree import fromstring

from hub.core.clock import now
from hub.core.errors import CommandFailed
from hub.core.settings import Settings
from hub.entries import spots
from hub.maps import drawing, gazetteer, making, shelf, tiles
from hub.maps.earth import on_square
from tests import towns_of_osm
from tests.conftest import MakeHub, Running
from tests.towns_of_osm import LATITUDE, LONGITUDE
from tests.visitor import visiting

HTML = {"accept": "text/html"}
AREA: dict[str, Any] = {"latitude": LATITUDE, "longitude": LONGITUDE, "radius_m": 1000}


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A town of 36 blocks."""
    return towns_of_osm.write(tmp_path_factory.mktemp("osm") / "town.osm.pbf")


async def _build(settings: Settings, file: Path, *, whole: bool = False) -> list[dict[str, Any]]:
    return [line async for line in making.build(settings, file, whole=whole)]


@pytest.fixture(scope="module")
def built(extract: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that town's map, made once."""
    folder = tmp_path_factory.mktemp("built")
    asyncio.run(_build(Settings(_env_file=None, data_dir=folder, **AREA), extract))
    return folder / "map"


@pytest.fixture
async def mapped(make_hub: MakeHub, built: Path) -> Running:
    """A hub on Dogger Bank, with its map."""
    hub: Running = await make_hub(**AREA)
    shutil.copytree(built, shelf.folder_of(hub.services.settings))
    return hub


async def _post(hub: Running, path: str, **given: Any) -> dict[str, Any]:
    answer = await hub.web.post(f"/api/v1/{path}", json=given, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _fair(hub: Running, **given: Any) -> dict[str, Any]:
    start = (now() + timedelta(days=3)).isoformat()
    where = {"latitude": LATITUDE, "longitude": LONGITUDE, "location": "School No. 1"}
    return await _post(hub, "events", **{"title": "Fair", "starts_at": start, **where, **given})


# ------------------------------------------------------------------------------------ building


async def test_an_extract_becomes_tiles_and_addresses(mapped: Running) -> None:
    settings = mapped.services.settings
    here = shelf.current(settings)
    assert here is not None
    assert sorted(path.name for path in here.folder.iterdir()) == sorted(
        [here.tiles, here.addresses, "map.json"]
    )
    assert here.counts["address"] == 6 * 36
    path = here.folder / here.tiles
    x, y = (int(side * 2**14) for side in on_square(LATITUDE, LONGITUDE))
    layers = tiles.at(path, tiles.closest(path), x, y)
    assert set(layers) >= {"roads", "buildings"}
    names = {shape.facts.get("name") for shape in layers["roads"].shapes}
    assert "Bridge Street" not in names
    assert "Café Row" in names
    # The village far away is not of this neighbourhood.
    assert await gazetteer.search(settings, "Farther") == []


async def test_the_same_extract_gives_the_same_map(mapped: Running, extract: Path) -> None:
    settings = mapped.services.settings
    before = shelf.current(settings)
    lines = await _build(settings, extract)
    assert before is not None
    assert lines[-1]["row"]["tiles"] == before.tiles
    assert lines[-1]["row"]["addresses"] == before.addresses


async def test_a_whole_extract_reaches_farther(mapped: Running, extract: Path) -> None:
    settings = mapped.services.settings
    first = shelf.current(settings)
    await _build(settings, extract, whole=True)
    second = shelf.current(settings)
    assert first is not None
    assert second is not None
    assert second.box.north > first.box.north + 0.05
    assert [found.name for found in await gazetteer.search(settings, "farther")] == ["Farther"]
    # Pages that are open still may go on reading the map of before, but not that before it.
    assert (await mapped.web.get(first.url)).status_code == 200
    await _build(settings.model_copy(update={"latitude": LATITUDE - 0.03}), extract)
    assert (await mapped.web.get(first.url)).status_code == 404
    assert (await mapped.web.get(second.url)).status_code == 200


@pytest.mark.parametrize("content", [b"", b"no map at all", bytes(5000)])
async def test_a_broken_extract_is_told_and_the_map_stays(
    mapped: Running, tmp_path: Path, content: bytes
) -> None:
    settings = mapped.services.settings
    before = sorted(path.name for path in shelf.folder_of(settings).iterdir())
    broken = tmp_path / "broken.osm.pbf"
    broken.write_bytes(content)
    with pytest.raises(CommandFailed, match=r"broken\.osm\.pbf"):
        await _build(settings, broken)
    assert sorted(path.name for path in shelf.folder_of(settings).iterdir()) == before
    assert shelf.current(settings) is not None


async def test_an_extract_of_elsewhere_is_told(make_hub: MakeHub, extract: Path) -> None:
    hub = await make_hub(latitude=10.0, longitude=10.0)
    with pytest.raises(CommandFailed, match="--whole"):
        await _build(hub.services.settings, extract)
    with pytest.raises(CommandFailed, match="There is no file"):
        await _build(hub.services.settings, extract.with_name("missing"))
    assert shelf.current(hub.services.settings) is None


async def test_what_is_missing_is_named(
    hub: Running, extract: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "NEEDED", ("no_such_package",))
    with pytest.raises(CommandFailed, match=r"neighbourhood-hub\[map\]"):
        await _build(hub.services.settings, extract)


async def test_a_full_disk_is_told_and_leaves_nothing(
    mapped: Running, extract: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path) -> str:
        raise OSError(28, "No space left on device")

    settings = mapped.services.settings
    before = sorted(path.name for path in shelf.folder_of(settings).iterdir())
    monkeypatch.setattr(making, "_digest", full)
    with pytest.raises(CommandFailed, match="No space left"):
        await _build(settings, extract)
    assert sorted(path.name for path in shelf.folder_of(settings).iterdir()) == before


# ------------------------------------------------------------------------------------- serving


async def test_tiles_are_served_in_pieces_and_kept_for_good(mapped: Running) -> None:
    here = shelf.current(mapped.services.settings)
    assert here is not None
    file = (here.folder / here.tiles).read_bytes()
    piece = await mapped.web.get(here.url, headers={"range": "bytes=0-126"})
    assert (piece.status_code, piece.content) == (206, file[:127])
    assert piece.headers["content-range"] == f"bytes 0-126/{len(file)}"
    assert "immutable" in piece.headers["cache-control"]
    tag = {"if-none-match": piece.headers["etag"]}
    assert (await mapped.web.get(here.url, headers=tag)).status_code == 304
    far = {"range": f"bytes={len(file)}-"}
    assert (await mapped.web.get(here.url, headers=far)).status_code == 416
    for name in (here.addresses, "map.json", "..%2fhub.db", "map-0000000000000000.pmtiles"):
        assert (await mapped.web.get(f"/map/tiles/{name}")).status_code == 404


async def test_f9_ten_thousand_ranges_are_no_work(mapped: Running) -> None:
    here = shelf.current(mapped.services.settings)
    assert here is not None
    size = (here.folder / here.tiles).stat().st_size
    for ranges in (
        ",".join(f"{at * 3}-{at * 3 + 1}" for at in range(10_000)),
        ",".join(f"0-{at}" for at in range(10_000)),
        "0-," * 10_000,
        "-1," * 10_000,
    ):
        answer = await mapped.web.get(here.url, headers={"range": f"bytes={ranges}"})
        assert answer.status_code in {200, 206, 400, 416}
        assert len(answer.content) <= size


async def test_addresses_are_found_without_asking_anybody(mapped: Running) -> None:
    async def found(text: str) -> list[str]:
        answer = await mapped.web.get("/api/v1/addresses", params={"q": text})
        assert answer.status_code == 200
        return [item["words"] for item in answer.json()["items"]]

    assert (await found("mill road 3"))[0] == "Mill Road 3, Lindenau"
    assert (await found("3 Mill Road"))[0] == "Mill Road 3, Lindenau"
    assert (await found("cafe row"))[0] == "Café Row, Lindenau"
    assert sorted(await found("school")) == [f"School No. {n}, Lindenau" for n in range(1, 5)]
    assert (await found("Mill Road 99a"))[0] == "Mill Road, Lindenau"
    assert await found("nowhere at all") == []
    assert await found('"') == []


async def test_without_a_map_nothing_is_found_and_nothing_fails(hub: Running) -> None:
    answer = await hub.web.get("/api/v1/addresses", params={"q": "mill road"})
    assert answer.json() == {"items": [], "next": None}
    page = await hub.web.get("/map", headers=HTML)
    assert page.status_code == 200
    assert "no map of its streets yet" in page.text
    assert (await hub.web.get("/map.svg")).status_code == 200


# ---------------------------------------------------------------------------------------- page


async def test_list_picture_and_data_say_the_same(mapped: Running) -> None:
    fair = await _fair(mapped)
    ladder = await _post(
        mapped,
        "offers",
        title="Ladder",
        kind="item",
        mode="lend",
        latitude=LATITUDE + 0.0012,
        longitude=LONGITUDE,
    )
    await _fair(mapped, title="Nowhere", latitude=None, longitude=None)
    page = await mapped.web.get("/map", headers=HTML)
    assert "Fair" in page.text
    assert "Ladder" in page.text
    assert "Nowhere" not in page.text
    answer = await mapped.web.get("/map.geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    shapes = {one["id"]: one for one in answer.json()["features"]}
    assert set(shapes) == {fair["id"], ladder["id"]}
    spot = shapes[fair["id"]]
    assert spot["geometry"] == {"type": "Point", "coordinates": [LONGITUDE, LATITUDE]}
    assert spot["properties"]["url"] == fair["url"]
    # An offer is somewhere in its cell: nothing says where.
    ring = shapes[ladder["id"]]["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1] == [2.495, 54.595]
    assert ring[2] == [2.505, 54.605]
    picture = (await mapped.web.get("/map.svg")).text
    assert picture.count('class="pin"') == 1
    assert picture.count('class="cell"') == 1
    assert "© OpenStreetMap" in picture


async def test_the_map_is_narrowed_like_a_list(mapped: Running) -> None:
    soon = await _fair(mapped, title="Soon", tags=["repair"])
    later = await _fair(mapped, title="Later", starts_at=(now() + timedelta(days=20)).isoformat())
    east = await _fair(mapped, title="East", longitude=LONGITUDE + 1)

    async def ids(query: str) -> set[str]:
        answer = await mapped.web.get(f"/map.geojson?{query}")
        assert answer.status_code == 200, answer.text
        return {one["id"] for one in answer.json()["features"]}

    assert await ids("") == {soon["id"], later["id"], east["id"]}
    assert await ids("tag=repair") == {soon["id"]}
    assert await ids("when=week") == {soon["id"], east["id"]}
    assert await ids("layer=offer") == set()
    assert await ids(f"bbox={LONGITUDE + 0.5},54,{LONGITUDE + 2},55") == {east["id"]}
    for wrong in ("bbox=1,2,3", "bbox=nan,1,2,3", "when=never"):
        assert (await mapped.web.get(f"/map.geojson?{wrong}")).status_code == 422
    listed = (await mapped.web.get("/map?layer=event&when=week", headers=HTML)).text
    assert "Soon" in listed
    assert "Later" not in listed


async def test_places_and_organisations_are_on_it_and_can_be_asked_for_by_access(
    mapped: Running,
) -> None:
    spot = {"latitude": LATITUDE, "longitude": LONGITUDE}
    step_free = {"access_facts": {"entrance": "yes", "toilet": "yes"}}
    hall = await _post(mapped, "places", title="Linden hall", **spot, **step_free)
    barn = await _post(mapped, "places", title="Old barn", **spot)
    choir = await _post(mapped, "organisations", title="Choir", **spot)
    circle = await _post(mapped, "organisations", title="Circle", **spot, visibility="hub")
    fair = await _fair(mapped, access_facts={"entrance": "yes"})
    await _post(mapped, "offers", title="Sofa", kind="item", mode="give", **spot)

    async def titles(query: str, **more: Any) -> set[str]:
        shapes = (await mapped.web.get(f"/map.geojson?{query}", **more)).json()["features"]
        return {one["properties"]["title"] for one in shapes}

    assert await titles("layer=place") == {"Linden hall", "Old barn"}
    assert await titles("layer=organisation") == {"Choir"}
    assert await titles("access=entrance") == {"Linden hall", "Fair"}
    assert await titles("access=entrance,toilet") == {"Linden hall"}
    page = (await mapped.web.get("/map?access=entrance", headers=HTML)).text
    assert hall["id"] in page
    assert fair["id"] in page
    assert barn["id"] not in page
    assert choir["id"] not in page
    # Who is for neighbours alone may meet in somebody's home: the map of neighbours keeps it too.
    assert "Circle" not in await titles("", headers=mapped.steward)
    for one in (hall, choir):
        shown = await mapped.web.get(httpx2.URL(one["url"]).path, headers=HTML)
        assert f'src="/map/of/{one["id"]}.svg"' in shown.text
    path = httpx2.URL(circle["url"]).path
    shown = await mapped.web.get(path, headers={**mapped.steward, **HTML})
    assert "/map/of/" not in shown.text


async def test_an_address_is_found_and_what_is_around_it_shown_without_a_script(
    mapped: Running,
) -> None:
    await _post(mapped, "places", title="Corner", latitude=LATITUDE, longitude=LONGITUDE)
    await _post(mapped, "places", title="Far off", latitude=LATITUDE + 0.1, longitude=LONGITUDE)
    page = (await mapped.web.get("/map", params={"q": "bridge street"}, headers=HTML)).text
    assert "No street or place has this name." in page
    page = (await mapped.web.get("/map", params={"q": "school no 1"}, headers=HTML)).text
    found = re.search(r'<a href="(/map\?[^"]*near=[^"]*)">.*?School No. 1, Lindenau', page)
    assert found is not None
    assert "Far off" in page
    around = html.unescape(found[1])
    page = (await mapped.web.get(around, headers=HTML)).text
    assert "walk of “School No. 1, Lindenau”" in page
    assert "Corner" in page
    assert "Far off" not in page
    drawn = re.search(r'<img src="(/map\.svg\?[^"]*near=[^"]*)"', page)
    assert drawn is not None
    picture = (await mapped.web.get(html.unescape(drawn[1]))).text
    assert picture.count('class="sought"') == 1
    assert picture.count('class="pin"') == 1
    assert (await mapped.web.get("/map?near=north", headers=HTML)).status_code == 422


async def test_what_is_over_given_away_or_called_private_is_not_on_it(mapped: Running) -> None:
    await _fair(mapped, title="Hidden away", visibility="hub")
    offer = await _post(
        *(mapped, "offers"),
        title="Sofa",
        kind="item",
        mode="give",
        latitude=LATITUDE,
        longitude=LONGITUDE,
    )
    close = f"/api/v1/offers/{offer['id']}/close"
    await mapped.web.post(close, json={"status": "done"}, headers=mapped.steward)
    assert (await mapped.web.get("/map.geojson")).json()["features"] == []
    for path in ("/map", "/map.svg", "/map.geojson"):
        text = (await mapped.web.get(path, headers=HTML)).text
        assert "Hidden away" not in text
        assert "Sofa" not in text
    async with visiting(mapped) as neighbour:
        await neighbour.sign_in("member")
        seen = await neighbour.get("/map.geojson")
        assert [one["properties"]["title"] for one in seen.json()["features"]] == ["Hidden away"]
        assert seen.headers["cache-control"] == "private, no-cache"


async def test_an_events_page_shows_where_it_is(mapped: Running) -> None:
    fair = await _fair(mapped, latitude=LATITUDE + towns_of_osm.BLOCK / 2)
    page = await mapped.web.get(httpx2.URL(fair["url"]).path, headers=HTML)
    path = f"/map/of/{fair['id']}.svg"
    assert f'src="{path}"' in page.text
    picture = await mapped.web.get(path)
    assert picture.headers["content-type"] == "image/svg+xml"
    assert len(picture.content) <= drawing.LARGEST
    assert len(gzip.compress(picture.content)) < 10_000
    drawn = fromstring(picture.text)
    assert drawn.get("aria-label") == "Fair: School No. 1"
    assert "Café Row" in picture.text
    tag = {"if-none-match": picture.headers["etag"]}
    assert (await mapped.web.get(path, headers=tag)).status_code == 304
    nowhere = await _fair(mapped, latitude=None, longitude=None)
    page = await mapped.web.get(httpx2.URL(nowhere["url"]).path, headers=HTML)
    assert "/map/of/" not in page.text
    assert (await mapped.web.get(f"/map/of/{nowhere['id']}.svg")).status_code == 404


async def test_only_who_may_see_something_sees_where_it_is(mapped: Running) -> None:
    hidden = await _fair(mapped, visibility="hub")
    path = f"/map/of/{hidden['id']}.svg"
    assert (await mapped.web.get(path)).status_code == 404
    seen = await mapped.web.get(path, headers=mapped.steward)
    assert seen.status_code == 200
    assert "private" in seen.headers["cache-control"]


async def test_the_picture_of_a_whole_town_stays_small(
    make_hub: MakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = await make_hub()
    town = towns_of_osm.write(tmp_path / "big.osm.pbf", blocks=10)
    await _build(hub.services.settings, town)
    here = shelf.current(hub.services.settings)
    assert here is not None
    file, view = here.folder / here.tiles, drawing.View(LATITUDE, LONGITUDE, 14)

    def drawn() -> bytes:
        return drawing.draw(file, view, [], 42, "Town")

    assert 10_000 < len(drawn()) <= drawing.LARGEST
    assert b'class="house"' in drawn()
    monkeypatch.setattr(drawing, "LARGEST", 8000)
    assert len(drawn()) <= 8000
    assert b'class="house"' not in drawn()
    assert b'class="road"' in drawn()


# --------------------------------------------------------------------------------------- forms


async def test_a_form_finds_the_spot_that_its_words_mean(mapped: Running) -> None:
    tomorrow = f"{now() + timedelta(days=1):%Y-%m-%d}"
    said = {"title": "Fair", "starts_on": tomorrow, "starts_time": "15:00", "visibility": "public"}
    async with visiting(mapped) as writer:
        await writer.sign_in("editor")
        page = await writer.press("/post/event", **said, location="cafe row 3", find="yes")
        assert page.status_code == 200
        assert 'value="Fair"' in page.text
        (spot,) = re.findall(r'name="spot" value="([\d.,]+)" checked', page.text)
        assert "Café Row 3" not in page.text  # the houses there have higher numbers
        assert (
            "Café Row 25"
            in (await writer.press("/post/event", **said, location="Café Row 25", find="yes")).text
        )
        sent = await writer.press("/post/event", **said, location="By the café", spot=spot)
        path = sent.headers["location"].partition("?")[0]
        event = (await mapped.web.get(f"/api/v1{path}")).json()
        assert spots.value(event["latitude"], event["longitude"]) == spot
        # What is on the map stays there, unless its words change and its spot does not.
        form = await writer.get(f"{path}/edit")
        assert f'value="{spot}" checked' in form.text
        kept = {**said, "location": "By the café", "spot": spot, "title": "Summer fair"}
        await writer.press(f"{path}/edit", **kept)
        event = (await mapped.web.get(f"/api/v1{path}")).json()
        assert (event["title"], event["latitude"] is None) == ("Summer fair", False)
        await writer.press(f"{path}/edit", **{**kept, "location": "In the park"})
        assert (await mapped.web.get(f"/api/v1{path}")).json()["latitude"] is None
        wrong = await writer.press(f"{path}/edit", **{**kept, "spot": "north,east"})
        assert wrong.status_code == 422


async def test_d5_a_want_is_only_ever_asked_for_its_cell(mapped: Running) -> None:
    said = {"title": "A ladder", "kind": "item", "mode": "lend", "visibility": "public"}
    async with visiting(mapped) as writer:
        await writer.sign_in("member")
        page = await writer.press("/post/want", **said, location="mill road", find="yes")
        found = re.findall(r'name="spot" value="([\d.,]+)"', page.text)
        assert found
        assert all(re.fullmatch(r"\d+\.\d\d,\d+\.\d\d", spot) for spot in found)
        sent = await writer.press("/post/want", **said, location="Mill Road", spot=found[0])
    path = sent.headers["location"].partition("?")[0]
    want = (await mapped.web.get(f"/api/v1{path}")).json()
    assert f"{want['latitude']:.2f},{want['longitude']:.2f}" == found[0]


async def test_without_a_map_forms_ask_for_words_alone(hub: Running) -> None:
    async with visiting(hub) as writer:
        await writer.sign_in("editor")
        page = await writer.get("/post/event")
        assert "Find it on the map" not in page.text
