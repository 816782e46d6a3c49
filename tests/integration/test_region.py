"""A region and its hubs, as processes on this machine: one calendar, counted as it was seeded.

Five hubs in `make test`, twenty with 200 entries each in `make soak`. Half of everything is there
before the region follows, and is read; the rest comes as it is posted. Each hub shares some of its
events with the next, in other words: those are the same, and stand once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.conftest import ENGINE, Databases
from tests.integration.faults.scale import noted, patience, scaled
from tests.integration.test_two_hubs import EVENT, OFFER, WANT
from tests.processes import HubProcess, eventually

HUBS = scaled(5, 20)
EVENTS = scaled(2, 80)  # of each hub alone
SHARED = scaled(2, 20)  # of each hub and the next: each hub tells of twice as many
OFFERS = scaled(2, 60)
WANTS = scaled(1, 20)
SOON_S = patience(60, 900)
AT_ONCE = 4
FIRST = datetime.now(UTC).replace(microsecond=0, second=0) + timedelta(days=20)
NAMES = ("Choir", "Market", "Reading", "Football", "Cooking", "Chess", "Sewing", "Garden")


@dataclass
class Member:
    """One hub of the region, and what it posted: ids by title."""

    number: int
    hub: HubProcess
    token: str = ""
    posted: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return urlsplit(self.hub.url).netloc

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = httpx2.request(
            method,
            f"{self.hub.url}/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}"},
            trust_env=False,
            timeout=60,
        )
        assert answer.status_code in {200, 201, 204}, answer.text
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def post(self, kind: str, body: dict[str, Any]) -> None:
        self.posted[body["title"]] = f"/{kind}/{self.send('POST', f'/{kind}', body)['id']}"


def _at(hours: int, spot: int) -> dict[str, Any]:
    """When and where: an hour of its own, and a spot of its own, a kilometre from the next."""
    starts = FIRST + timedelta(hours=hours)
    return {
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(hours=1)).isoformat(),
        "latitude": 50.0 + spot / 100,
        "location": f"Hall {spot}",
    }


def _shared(pair: int, number: int, *, second: bool) -> dict[str, Any]:
    """What hub `pair` and the next tell of, the second with more words and five minutes later."""
    name = f"{NAMES[number % len(NAMES)]} at the hall {pair} {number}"
    given = _at(number * 2, pair)
    if second:
        later = datetime.fromisoformat(given["starts_at"]) + timedelta(minutes=5)
        given |= {"starts_at": later.isoformat()}
    return {**EVENT, **given, "title": f"{name}, open to all" if second else name}


def _seed(member: Member, half: int) -> None:
    """One half of what a hub posts, the even or the odd."""
    one, before = member.number, (member.number - 1) % HUBS
    for number in range(half, EVENTS, 2):
        when = _at(number * 2 + 1, 100 + one)
        member.post("events", {**EVENT, **when, "title": f"Own event {one} {number}"})
    for number in range(half, SHARED, 2):
        member.post("events", _shared(one, number, second=False))
        member.post("events", _shared(before, number, second=True))
    for number in range(half, OFFERS, 2):
        member.post("offers", {**OFFER, "title": f"Ladder {one} {number}"})
    for number in range(half, WANTS, 2):
        member.post("wants", {**WANT, "title": f"Lift {one} {number}"})


def _all(members: list[Member], deed: Callable[[Member], None]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(deed, members))


@pytest.fixture
def members(tmp_path: Path, databases: Databases) -> Iterator[list[Member]]:
    """The hubs; and last, with number -1, the region."""
    with ExitStack() as stack:

        def made(number: int) -> Member:
            # PostgreSQL has not connections for twenty hubs: there the region alone is on it.
            fresh = ENGINE == "sqlite" or number < 0
            env = {"HUB_DATABASE_URL": databases.fresh()} if fresh else {}
            env |= {"HUB_NAME": f"Hub {number}" if number >= 0 else "Region"}
            return Member(number, HubProcess(tmp_path / f"hub{number}", env=env))

        found = [made(number) for number in (*range(HUBS), -1)]
        for each in found:
            stack.callback(each.hub.stop)

        def start(member: Member) -> None:
            member.hub.start()
            member.token = member.hub.token()

        _all(found, start)
        yield found


def _calendar(region: Member) -> Counter[str]:
    """How many events the region shows of each hub, each thing once."""
    return Counter(each["origin"] for each in region.hub.everything("events"))


def _of(region: Member, kind: str, host: str) -> int:
    """How many of a kind it shows of one hub alone."""
    count, params = 0, {"origin": host, "limit": "100"}
    while True:
        page = region.hub.get(f"/{kind}", **params)
        count += len(page["items"])
        if not page["next"]:
            return count
        params["cursor"] = page["next"]


@pytest.mark.timeout(1800)
def test_t26_a_region_shows_its_hubs_as_one_and_follows_what_becomes_of_them(
    members: list[Member], tmp_path: Path
) -> None:
    *hubs, region = members
    with noted("region", f"{HUBS} hubs, one calendar") as figures:
        _all(hubs, partial(_seed, half=0))
        listed = tmp_path / "hubs.csv"
        listed.write_text("hub,address\n" + "".join(f"H,{each.hub.url}\n" for each in hubs))
        region.hub.command("follow", "--list", str(listed), "--only", "events,offers,wants")
        _all(hubs, partial(_seed, half=1))
        shown = HUBS * (EVENTS + SHARED)
        eventually(lambda: _calendar(region).total() == shown, "one calendar", SOON_S)
        for kind, each in {"events": EVENTS + 2 * SHARED, "offers": OFFERS, "wants": WANTS}.items():
            for hub in hubs:
                seen = partial(_of, region, kind, hub.host)
                eventually(lambda: seen() == each, f"{kind} of {hub.host}", SOON_S)  # noqa: B023
        eventually(lambda: _read_to_the_end(region), "all is read", SOON_S)
        figures |= {"hubs": HUBS, "entries": HUBS * (EVENTS + 2 * SHARED + OFFERS + WANTS)}
        figures |= {"shown once of two": HUBS * SHARED, "events shown": shown}
        shown = _changed(hubs, region, shown)
        shown = _deleted(hubs, region, shown)
        _stopped(hubs, region, shown)
        _blocked(hubs, region)


def _read_to_the_end(region: Member) -> bool:
    said = region.hub.command("peers")
    return said.count("of earlier posts taken") == HUBS


def _changed(hubs: list[Member], region: Member, shown: int) -> int:
    """What one of two hubs calls otherwise is another thing, and the same again after that."""
    path = hubs[0].posted[_shared(0, 0, second=False)["title"]]
    hubs[0].send("PATCH", path, {"title": "Something else altogether"})
    eventually(lambda: _calendar(region).total() == shown + 1, "it is parted", SOON_S)
    hubs[0].send("PATCH", path, {"title": _shared(0, 0, second=False)["title"]})
    eventually(lambda: _calendar(region).total() == shown, "it is one again", SOON_S)
    return shown


def _deleted(hubs: list[Member], region: Member, shown: int) -> int:
    """What one hub deletes is gone; what another tells of too stays, as the other's."""
    hubs[1].send("DELETE", hubs[1].posted["Own event 1 0"])
    eventually(lambda: _calendar(region).total() == shown - 1, "its own is gone", SOON_S)
    hubs[1].send("DELETE", hubs[1].posted[_shared(1, 0, second=False)["title"]])
    of_it = EVENTS + 2 * SHARED - 2
    eventually(lambda: _of(region, "events", hubs[1].host) == of_it, "one source less", SOON_S)
    assert _calendar(region).total() == shown - 1
    return shown - 1


def _stopped(hubs: list[Member], region: Member, shown: int) -> None:
    """What a hub that is away published stays; it misses nothing, and is heard when it is back."""
    hubs[2].hub.stop()
    assert _calendar(region).total() == shown
    hubs[2].hub.start()
    hubs[2].post("events", {**EVENT, **_at(999, 300), "title": "Back again"})
    eventually(lambda: _calendar(region).total() == shown + 1, "it is heard again", SOON_S)


def _blocked(hubs: list[Member], region: Member) -> None:
    """Of a blocked hub nothing is left, and what others tell of too is theirs."""
    before, gone = _calendar(region).total(), hubs[-1]
    region.hub.command("block", gone.host)
    eventually(lambda: _of(region, "events", gone.host) == 0, "nothing of it", SOON_S)
    assert _calendar(region).total() == before - EVENTS
    assert gone.host not in _calendar(region)
