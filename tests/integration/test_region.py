"""A region and its hubs, as processes on this machine: one calendar, map and directory.

Five hubs in `make test`, twenty with 200 entries each in `make soak`. Half of everything is there
before the region follows, and is read; the rest comes as it is posted. Each hub shares some events
and halls with the next, in other words: those are the same, and stand once. What the region must
show is counted here (`Seeded`), and compared whole: which hubs tell of each thing, and how often.
"""

from __future__ import annotations

import time
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
from tests.integration.faults.scale import SOAK, noted, patience, scaled
from tests.integration.test_two_hubs import EVENT, OFFER, WANT
from tests.processes import HubProcess, eventually

HUBS = scaled(5, 20)
EVENTS = scaled(2, 70)  # of each hub alone
SHARED = scaled(2, 20)  # of each hub and the next: each hub tells of twice as many
OFFERS = scaled(2, 50)
WANTS = scaled(1, 20)
PLACES = scaled(1, 5)  # of each hub alone
HALLS = scaled(1, 5)  # of each hub and the next
GROUPS = scaled(1, 5)  # organisations
OF_EACH = EVENTS + 2 * SHARED + OFFERS + WANTS + PLACES + 2 * HALLS + GROUPS
MAPPED = {"events": "event", "offers": "offer", "places": "place"}  # layers of the map by lists
SOON_S = patience(180, 900)
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


def _hall(pair: int, number: int, *, second: bool) -> dict[str, Any]:
    """A hall of hub `pair` and the next; the second says more, and stands a few steps away."""
    name = f"Old hall {pair} {number}"
    return {
        "title": f"{name}, ground floor" if second else name,
        "location": f"Road {pair}",
        "latitude": 48.0 + pair / 100 + number / 1000 + (0.0002 if second else 0),
        "longitude": 6.9,
    }


def _seed(member: Member, half: int) -> None:
    """One half of what a hub posts, the even or the odd."""
    one, before = member.number, (member.number - 1) % HUBS
    lane = {"location": f"Lane {one}"}
    bodies: dict[str, dict[str, Any]] = {
        "offers": OFFER,
        "wants": WANT,
        "places": lane,
        "organisations": lane,
    }
    for number in range(half, EVENTS, 2):
        when = _at(number * 2 + 1, 100 + one)
        member.post("events", {**EVENT, **when, "title": f"Own event {one} {number}"})
    for number in range(half, SHARED, 2):
        member.post("events", _shared(one, number, second=False))
        member.post("events", _shared(before, number, second=True))
    for number in range(half, HALLS, 2):
        member.post("places", _hall(one, number, second=False))
        member.post("places", _hall(before, number, second=True))
    for kind, most, words in (
        *(("offers", OFFERS, "Ladder"), ("wants", WANTS, "Lift")),
        *(("places", PLACES, "Own place"), ("organisations", GROUPS, "Own group")),
    ):
        for number in range(half, most, 2):
            member.post(kind, {**bodies[kind], "title": f"{words} {one} {number}"})


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


@dataclass
class Seeded:
    """What the region must show: for each list which hubs tell of a thing, and of how many."""

    lists: dict[str, Counter[frozenset[str]]]

    @classmethod
    def of(cls, hubs: list[Member]) -> Seeded:
        """What `_seed` posts."""
        hosts = [each.host for each in hubs]
        pairs = [frozenset(pair) for pair in zip(hosts, hosts[1:] + hosts[:1], strict=True)]
        alone = [frozenset((host,)) for host in hosts]
        numbers = {
            "events": (EVENTS, SHARED),
            "offers": (OFFERS, 0),
            "wants": (WANTS, 0),
            "places": (PLACES, HALLS),
            "organisations": (GROUPS, 0),
        }
        return cls(
            {
                kind: Counter({**dict.fromkeys(alone, own), **dict.fromkeys(pairs, shared)})
                for kind, (own, shared) in numbers.items()
            }
        )

    def becomes(self, kind: str, before: set[str], *after: set[str]) -> None:
        """One thing, told of by some, is now told of by others; by nobody: it is new, or gone."""
        if before:
            self.lists[kind][frozenset(before)] -= 1
        self.lists[kind].update(frozenset(each) for each in after)

    def without(self, host: str) -> None:
        """Nothing is told by this one any more."""
        for kind, told in self.lists.items():
            left: Counter[frozenset[str]] = Counter()
            for who, count in told.items():
                left[who - {host}] += count
            del left[frozenset()]
            self.lists[kind] = left

    def total(self, kind: str) -> int:
        """How many things of a kind are shown."""
        return self.lists[kind].total()


def _shown(region: Member, kind: str) -> Counter[frozenset[str]]:
    """Which hubs tell of each thing that the region lists, and of how many."""
    return Counter(
        frozenset(source["origin"] for source in each["sources"]) or frozenset((each["origin"],))
        for each in region.hub.everything(kind)
    )


def _mapped(region: Member, kind: str) -> Counter[str]:
    """How much of each hub stands on one layer of the region's map."""
    address = f"{region.hub.url}/map.geojson"
    answer = httpx2.get(address, params={"layer": MAPPED[kind]}, trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text
    return Counter(each["properties"]["origin"] for each in answer.json()["features"])


def _agrees(region: Member, seeded: Seeded, what: str) -> None:
    """Wait until all lists are as they must be; then map and file hold the same."""
    for kind, told in seeded.lists.items():
        eventually(lambda: _shown(region, kind) == told, f"{what}: {kind}", SOON_S)  # noqa: B023
    for kind in MAPPED:
        placed = [each for each in region.hub.everything(kind) if each["latitude"] is not None]
        listed = Counter(each["origin"] for each in placed)
        assert _mapped(region, kind) == listed, f"{what}: {kind} on the map"
    answer = httpx2.get(f"{region.hub.url}/region.json", trust_env=False, timeout=60)
    filed = Counter(
        (f"{each['type']}s", frozenset(each["sources"])) for each in answer.json()["items"]
    )
    assert filed == Counter(
        {(kind, who): count for kind, told in seeded.lists.items() for who, count in told.items()}
    ), f"{what}: the file"


def _of(region: Member, kind: str, host: str) -> int:
    """How many of a kind it shows of one hub alone."""
    count, params = 0, {"origin": host, "limit": "100"}
    while True:
        page = region.hub.get(f"/{kind}", **params)
        count += len(page["items"])
        if not page["next"]:
            return count
        params["cursor"] = page["next"]


@pytest.mark.timeout(3600)
def test_t26_a_region_shows_its_hubs_as_one_and_follows_what_becomes_of_them(
    members: list[Member], tmp_path: Path
) -> None:
    *hubs, region = members
    seeded = Seeded.of(hubs)
    with noted("region", f"{HUBS} hubs, one calendar, map and directory") as figures:
        _all(hubs, partial(_seed, half=0))
        listed = tmp_path / "hubs.csv"
        listed.write_text("hub,address\n" + "".join(f"H,{each.hub.url}\n" for each in hubs))
        only, begun = "events,offers,wants,places", time.monotonic()
        region.hub.command("follow", "--list", str(listed), "--only", only)
        _all(hubs, partial(_seed, half=1))
        _agrees(region, seeded, "as seeded")
        taken = time.monotonic() - begun
        for kind, each in {"events": EVENTS + 2 * SHARED, "places": PLACES + 2 * HALLS}.items():
            for hub in hubs:
                assert _of(region, kind, hub.host) == each, f"{kind} of {hub.host}"
        eventually(lambda: _read_to_the_end(region), "all is read", SOON_S)
        figures |= {"hubs": HUBS, "entries": HUBS * OF_EACH}
        if SOAK:
            figures |= {"taken per second": round(HUBS * OF_EACH / taken, 1)}
            figures |= {"region's memory, MB": _most_memory_mb(region)}
        figures |= {"shown once of two": HUBS * (SHARED + HALLS)}
        figures |= {f"{kind} shown": seeded.total(kind) for kind in seeded.lists}
        _changed(hubs, region, seeded)
        _deleted(hubs, region, seeded)
        _stopped(hubs, region, seeded)
        _blocked(hubs, region, seeded)


def _most_memory_mb(region: Member) -> int:
    """What the region's process has held at its most."""
    assert region.hub.process is not None
    status = Path(f"/proc/{region.hub.process.pid}/status").read_text()
    (held,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(held) // 1024


def _read_to_the_end(region: Member) -> bool:
    said = region.hub.command("peers")
    return said.count("of earlier posts taken") == HUBS


def _changed(hubs: list[Member], region: Member, seeded: Seeded) -> None:
    """What one of two hubs calls otherwise is another thing, and the same again after that."""
    one, next_one = hubs[0].host, hubs[1].host
    shared, hall = _shared(0, 0, second=False)["title"], _hall(0, 0, second=False)["title"]
    for kind, title in (("events", shared), ("places", hall)):
        hubs[0].send("PATCH", hubs[0].posted[title], {"title": "Something else altogether"})
        seeded.becomes(kind, {one, next_one}, {one}, {next_one})
    _agrees(region, seeded, "they are parted")
    for kind, title in (("events", shared), ("places", hall)):
        hubs[0].send("PATCH", hubs[0].posted[title], {"title": title})
        seeded.becomes(kind, {one}, {one, next_one})
        seeded.becomes(kind, {next_one})
    _agrees(region, seeded, "they are one again")


def _deleted(hubs: list[Member], region: Member, seeded: Seeded) -> None:
    """What one hub deletes is gone; what another tells of too stays, as the other's."""
    one, next_one = hubs[1].host, hubs[2].host
    for kind, title in (("events", "Own event 1 0"), ("places", "Own place 1 0")):
        hubs[1].send("DELETE", hubs[1].posted[title])
        seeded.becomes(kind, {one})
    shared, hall = _shared(1, 0, second=False)["title"], _hall(1, 0, second=False)["title"]
    for kind, title in (("events", shared), ("places", hall)):
        hubs[1].send("DELETE", hubs[1].posted[title])
        seeded.becomes(kind, {one, next_one}, {next_one})
    _agrees(region, seeded, "some is deleted")


def _stopped(hubs: list[Member], region: Member, seeded: Seeded) -> None:
    """What a hub that is away published stays; it misses nothing, and is heard when it is back."""
    hubs[2].hub.stop()
    _agrees(region, seeded, "one is away")
    hubs[2].hub.start()
    hubs[2].post("events", {**EVENT, **_at(999, 300), "title": "Back again"})
    seeded.becomes("events", set(), {hubs[2].host})
    _agrees(region, seeded, "it is heard again")


def _blocked(hubs: list[Member], region: Member, seeded: Seeded) -> None:
    """Of a blocked hub nothing is left, and what others tell of too is theirs."""
    gone = hubs[-1].host
    region.hub.command("block", gone)
    seeded.without(gone)
    _agrees(region, seeded, "one is blocked")
    for kind in seeded.lists:
        assert _of(region, kind, gone) == 0, kind
