"""Pictures of maps: what they say, how large they are, and that they need nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from hub.maps import drawing, gazetteer, shelf
from hub.maps.colours import palette
from hub.maps.drawing import Mark, View
from hub.maps.earth import Box, metres_per_pixel, on_square, zoom_for

HUE = 42
HERE = Mark(54.6, 2.5)


def _drawn(view: View, *marks: Mark, label: str = "Where it is", file: Path | None = None) -> str:
    return drawing.draw(file, view, marks, HUE, label).decode()


def test_without_a_map_there_is_paper_a_scale_and_the_pin() -> None:
    svg = _drawn(View.of([HERE]), HERE)
    assert svg.count('class="pin"') == 1
    assert ">100 m<" in svg
    assert "OpenStreetMap" not in svg
    assert len(svg) < 4000
    assert fromstring(svg).get("aria-label") == "Where it is"


def test_a_label_cannot_break_out_of_the_picture() -> None:
    svg = _drawn(View.of([HERE]), HERE, label='"><script>alert(1)</script>')
    assert "<script" not in svg
    assert fromstring(svg).get("aria-label") == '"><script>alert(1)</script>'


def test_the_policy_lets_the_picture_wear_its_own_style_and_nothing_else() -> None:
    svg = _drawn(View.of([HERE]), HERE)
    style = re.search("<style>(.*)</style>", svg)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert drawing.policy(HUE) == f"default-src 'none'; style-src 'sha256-{digest}'; sandbox"
    assert "http" not in svg.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_a_cell_is_an_area_and_not_a_pin() -> None:
    cell = Mark(54.6, 2.5, 0.01)
    view = View.of([cell])
    svg = _drawn(view, cell)
    assert 'class="pin"' not in svg
    (width,) = re.findall(r'class="cell".* width="(\d+)"', svg)
    assert view.width * drawing.FINE / 4 < int(width) <= view.width * drawing.FINE


def test_what_is_at_one_place_is_drawn_once() -> None:
    assert _drawn(View.of([HERE]), HERE, HERE, HERE).count('class="pin"') == 1


def test_a_file_that_is_no_map_is_as_good_as_none(tmp_path: Path) -> None:
    file = tmp_path / "map"
    file.write_bytes(b"PMTiles\x03" + bytes(200))
    assert 'class="pin"' in _drawn(View.of([HERE]), HERE, file=file)
    assert 'class="pin"' in _drawn(View.of([HERE]), HERE, file=tmp_path / "missing")


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=9))
def test_every_mark_lies_in_the_picture(places: list[tuple[float, float]]) -> None:
    marks = [Mark(*place) for place in places]
    view = View.of(marks)
    for mark in marks:
        x, y = view.at(mark.latitude, mark.longitude)
        assert -1 <= x <= view.width + 1
        assert -1 <= y <= view.height + 1
    fromstring(_drawn(view, *marks))


def test_the_square_is_the_one_that_all_maps_use() -> None:
    assert on_square(0, 0) == (0.5, 0.5)
    assert on_square(85.0511287798, -180) == pytest.approx((0, 0), abs=1e-6)
    # https://wiki.openstreetmap.org/wiki/Slippy_map_tilenames: Berlin's tile at zoom 10.
    x, y = on_square(52.52, 13.405)
    assert (int(x * 1024), int(y * 1024)) == (550, 335)
    assert metres_per_pixel(0, 0) == pytest.approx(156543.03, abs=0.01)


def test_a_box_is_read_as_geojson_says_it() -> None:
    assert Box.read("2.4,54.5,2.6,54.7") == Box(2.4, 54.5, 2.6, 54.7)
    for wrong in ("", "1,2,3", "3,1,2,2", "a,b,c,d", "nan,0,1,1", "0,0,1,91", "-181,0,0,1"):
        with pytest.raises(ValueError, match=r"could not|not enough|too many|^[-\d]|nan"):
            Box.read(wrong)
    assert zoom_for(Box(0, 0, 0, 0), 100, 100, 16) == 16


def test_the_hubs_colour_is_in_its_maps() -> None:
    assert palette(150)["pin"] != palette(42)["pin"]
    assert palette(150)["water"] == palette(42)["water"]
    assert all(re.fullmatch("#[0-9a-f]{6}", one) for pair in palette(42).values() for one in pair)


def test_words_are_asked_for_by_their_beginnings_and_numbers_whole() -> None:
    assert gazetteer.question('12 "Mill" Road') == '"12" "Mill"* "Road"*'
    assert gazetteer.question("  -*  ") == ""


def test_no_name_leads_out_of_the_maps_folder() -> None:
    assert shelf.TILES.fullmatch("../hub.db") is None
    assert shelf.TILES.fullmatch("map-0123456789abcdef.pmtiles") is not None
