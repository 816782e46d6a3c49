"""Whatever stands in an address or a header, a stranger gets an answer that is no fault of ours."""

from __future__ import annotations

import pytest

from tests.conftest import Running

LISTS = (
    "/events",
    "/swap",
    "/events.ics",
    "/events.rss",
    "/swap.json",
    "/api/v1/events",
    "/api/v1/offers",
)


@pytest.mark.parametrize(
    "address",
    [
        *(f"{path}?{name}=a%00b" for path in LISTS for name in ("q", "tag", "place")),
        *(
            f"/{path}?{name}={day}"
            for path in ("events", "events.ics", "events.rss", "api/v1/events")
            for name in ("from", "to")
            for day in ("0001-01-01", "9999-12-31", "9999-12-31T23:59:59-14:00")
        ),
        *(f"/actors/events/outbox?cursor={cursor}" for cursor in ("9" * 19, "9" * 60, "%D9%A1")),
        "/actors/%00",
        "/actors/%00/outbox",
        "/@%00",
        "/authorize?uri=https://hub.example/%00",
        "/.well-known/webfinger?resource=acct:a%00b@hub.example",
    ],
)
async def test_no_address_makes_the_hub_fail(hub: Running, address: str) -> None:
    answer = await hub.web.get(address)
    assert answer.status_code < 500


async def test_a_page_asked_for_with_a_bad_token_is_refused_and_not_a_fault(hub: Running) -> None:
    answer = await hub.web.get(
        "/", headers={"Authorization": "Bearer nobody", "Accept": "text/html"}
    )
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")
