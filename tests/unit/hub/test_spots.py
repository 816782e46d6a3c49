"""Where the middle of a neighbourhood is, as people paste it."""

from __future__ import annotations

import pytest

from hub.core.errors import Invalid
from hub.setup.spots import spot


@pytest.mark.parametrize(
    "entered",
    [
        "51.4545, -2.5879",
        "51.4545 -2.5879",
        "51.4545;-2.5879",
        "51,4545; -2,5879",
        "51.4545°, -2.5879°",
        "geo:51.4545,-2.5879?z=15",
        "https://www.openstreetmap.org/#map=15/51.4545/-2.5879",
        "https://www.openstreetmap.org/?mlat=51.4545&mlon=-2.5879#map=9/1.0/1.0",
        "https://www.openstreetmap.org/search?query=x#map=15/51.4545/-2.5879&layers=N",
        "https://www.google.com/maps/place/Oak/@51.4545,-2.5879,15z/data=x",
        "https://www.google.com/maps/@50.0,1.0,15z/data=!3d51.4545!4d-2.5879",
        "https://maps.apple.com/?ll=51.4545,-2.5879&q=Oak",
        "https://maps.google.com/?q=loc:51.4545%2C-2.5879",
        "https://map.example/?lat=51.4545&lon=-2.5879",
    ],
)
def test_a_place_is_found_in_what_is_pasted(entered: str) -> None:
    assert spot(entered) == (51.4545, -2.5879)


def test_degrees_minutes_and_seconds_are_read() -> None:
    assert spot("51°27′16″N 2°35′16″W") == (51.454444, -2.587778)
    assert spot("33° 52' S, 151° 12' E") == (-33.866667, 151.2)


@pytest.mark.parametrize(
    "entered",
    ["", "the pub", "51.4545", "91, 0", "0, 181", "https://hub.example/", "1" * 5000, "51,4545"],
)
def test_what_is_no_place_is_said_so(entered: str) -> None:
    with pytest.raises(Invalid) as refused:
        spot(entered)
    assert "where" in refused.value.fields
