"""What the answers of peers mean, and when to try again."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.client import Answer
from federation.delivery import (
    SCHEDULE,
    Delivered,
    Dropped,
    GoneForGood,
    Later,
    Outcome,
    Signer,
    TryOther,
    breaker_wait,
    deliver,
    longest_wait,
    next_attempt,
    outcome_of,
    retry_after,
)
from federation.errors import (
    BadUrl,
    FederationError,
    ForbiddenAddress,
    TooLarge,
    Unreachable,
)
from federation.signatures.digest import digest_header
from federation.signatures.http import Scheme, sign_request
from federation.signatures.keys import SigningKeys, generate_keys

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BODY = b'{"type":"Create"}'
INBOX = "https://peer.example/inbox?x=1"
ACTOR = "https://hub.example/actors/events"


@pytest.fixture(scope="module")
def keys() -> SigningKeys:
    return generate_keys(ACTOR)


class Peer:
    """A `Poster` that answers from a list."""

    def __init__(self, replies: Iterable[int | Answer | FederationError]) -> None:
        self.replies = iter(replies)
        self.posts: list[tuple[str, dict[str, str], bytes]] = []

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, deadline_s: float
    ) -> Answer:
        assert deadline_s == 15
        self.posts.append((url, {name.lower(): value for name, value in headers.items()}, body))
        reply = next(self.replies)
        if isinstance(reply, FederationError):
            raise reply
        return reply if isinstance(reply, Answer) else Answer(reply, {}, b"", url)


async def attempt(
    keys: SigningKeys, *replies: int | Answer | FederationError, scheme: Scheme = "cavage"
) -> tuple[Outcome, Scheme, Peer]:
    peer = Peer(replies)
    outcome, works = await deliver(
        peer, keys, INBOX, BODY, digest_header(BODY), scheme=scheme, now=NOW
    )
    return outcome, works, peer


async def test_a_delivery_is_signed_over_the_bytes_that_go_out(keys: SigningKeys) -> None:
    outcome, works, peer = await attempt(keys, 202)
    (url, headers, body), *rest = peer.posts
    assert (outcome, works, rest) == (Delivered(202), "cavage", [])
    assert (url, body) == (INBOX, BODY)
    assert headers["host"] == "peer.example"
    assert headers["digest"] == digest_header(BODY)
    assert headers["date"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    assert headers["content-type"] == "application/activity+json"
    assert f'keyId="{ACTOR}#main-key"' in headers["signature"]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_every_success_is_a_delivery(keys: SigningKeys, status: int) -> None:
    assert (await attempt(keys, status))[0] == Delivered(status)


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
async def test_a_refused_signature_is_tried_once_in_the_other_scheme(
    keys: SigningKeys, status: int, scheme: Scheme
) -> None:
    outcome, works, peer = await attempt(keys, status, 202, scheme=scheme)
    assert outcome == Delivered(202)
    assert works != scheme
    first, second = (headers for _, headers, _ in peer.posts)
    assert ("signature-input" in first) == (scheme == "rfc9421")
    assert ("signature-input" in second) == (scheme == "cavage")


@pytest.mark.parametrize(("first", "second"), [(401, 401), (401, 400), (400, 401)])
async def test_what_both_schemes_cannot_open_is_tried_a_few_times(
    keys: SigningKeys, first: int, second: int
) -> None:
    outcome, works, peer = await attempt(keys, first, second)
    assert isinstance(outcome, Later)
    assert (outcome.at_most, outcome.host_trouble, works) == (3, False, "cavage")
    assert len(peer.posts) == 2


async def test_a_bad_request_in_both_schemes_is_the_object_s_fault(keys: SigningKeys) -> None:
    outcome, works, _ = await attempt(keys, 400, 400)
    assert isinstance(outcome, Dropped)
    assert works == "cavage"


async def test_the_second_scheme_s_other_answer_counts(keys: SigningKeys) -> None:
    outcome, works, _ = await attempt(keys, 401, 503)
    assert isinstance(outcome, Later)
    assert outcome.host_trouble
    assert works == "cavage"


async def test_a_forbidden_delivery_is_tried_a_few_times_in_the_same_scheme(
    keys: SigningKeys,
) -> None:
    outcome, _, peer = await attempt(keys, 403)
    assert isinstance(outcome, Later)
    assert (outcome.at_most, outcome.host_trouble) == (3, False)
    assert len(peer.posts) == 1


@pytest.mark.parametrize("status", [404, 405, 406, 409, 413, 415, 422, 451])
async def test_other_refusals_drop_this_activity_alone(keys: SigningKeys, status: int) -> None:
    assert (await attempt(keys, status))[0] == Dropped(f"answered {status}", status)


async def test_an_inbox_that_is_gone_is_gone(keys: SigningKeys) -> None:
    assert isinstance((await attempt(keys, 410))[0], GoneForGood)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_nothing_goes_there(
    keys: SigningKeys, status: int
) -> None:
    answer = Answer(status, {"location": "https://127.0.0.1/"}, b"", INBOX)
    outcome, _, peer = await attempt(keys, answer)
    assert isinstance(outcome, Later)
    assert not outcome.host_trouble
    assert len(peer.posts) == 1


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (408, False),
        (425, False),
        (429, True),
        (500, False),
        (501, False),
        (502, True),
        (503, True),
        (504, True),
        (599, False),
    ],
)
async def test_passing_troubles_come_back_and_only_some_are_the_host_s(
    keys: SigningKeys, status: int, trouble: bool
) -> None:
    outcome, _, _ = await attempt(keys, status)
    assert outcome == Later(f"answered {status}", host_trouble=trouble, status=status)


@pytest.mark.parametrize("status", [100, 199, 600, 999])
async def test_statuses_that_do_not_exist_come_back(keys: SigningKeys, status: int) -> None:
    assert isinstance((await attempt(keys, status))[0], Later)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Unreachable("x"), Later("Unreachable: x", host_trouble=True)),
        (Unreachable("x", connected=True), Later("Unreachable: x", host_trouble=False)),
        (BadUrl("x"), Dropped("BadUrl: x")),
        (ForbiddenAddress("x"), Dropped("ForbiddenAddress: x")),
        (ForbiddenAddress("x", retry=True), Later("ForbiddenAddress: x", host_trouble=True)),
        (TooLarge("x"), Dropped("TooLarge: x")),
    ],
)
async def test_no_answer_is_a_value_too(
    keys: SigningKeys, error: FederationError, outcome: Outcome
) -> None:
    assert (await attempt(keys, error))[0] == outcome


@given(st.text(max_size=40))
def test_any_inbox_gives_an_outcome(inbox: str) -> None:
    peer = Peer([202])
    outcome, _ = asyncio.run(
        deliver(peer, KEYS, inbox, BODY, digest_header(BODY), scheme="cavage", now=NOW)
    )
    assert isinstance(outcome, Dropped if not peer.posts else Delivered)


@given(st.integers(100, 999), st.one_of(st.none(), st.text(max_size=30)))
def test_any_status_and_any_retry_after_give_an_outcome(status: int, header: str | None) -> None:
    headers = {} if header is None else {"retry-after": header}
    outcome = outcome_of(Answer(status, headers, b"", INBOX), NOW)
    assert isinstance(outcome, Delivered | Later | Dropped | GoneForGood | TryOther)
    if isinstance(outcome, Later) and outcome.after is not None:
        assert timedelta(minutes=1) <= outcome.after <= timedelta(hours=24)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣٠٠", None),
        ("300", timedelta(minutes=5)),
        (" 300 ", timedelta(minutes=5)),
        ("0", timedelta(minutes=1)),
        ("9" * 400, timedelta(hours=24)),
        (format_datetime(NOW + timedelta(hours=2), usegmt=True), timedelta(hours=2)),
        ("Fri, 02 Jan 2026 05:04:05 -0000", timedelta(hours=2)),
        (format_datetime(NOW - timedelta(days=2), usegmt=True), timedelta(minutes=1)),
        ("Sat, 01 Jan 9999 00:00:00 GMT", timedelta(hours=24)),
        ("Fri, 99 Jan 2026 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_heard_within_reason(value: str | None, wait: timedelta | None) -> None:
    assert retry_after(value, NOW) == wait


async def test_a_peer_that_asks_us_to_wait_is_heard(keys: SigningKeys) -> None:
    for status in (429, 503):
        answer = Answer(status, {"retry-after": "600"}, b"", INBOX)
        outcome, _, _ = await attempt(keys, answer)
        assert isinstance(outcome, Later)
        assert outcome.after == timedelta(minutes=10)


def test_the_schedule_lasts_a_long_weekend() -> None:
    waits = [next_attempt(n, 0.0) for n in range(1, 13)]
    assert waits == list(SCHEDULE)
    total = sum(SCHEDULE, timedelta(0))
    assert timedelta(days=3.6) < total < timedelta(days=3.8)
    assert next_attempt(13, 0.0) is None
    assert next_attempt(0, 0.0) == timedelta(0)


@given(st.integers(1, 12), st.floats(-1, 1))
def test_jitter_moves_an_attempt_by_two_fifths_at_most(attempts: int, jitter: float) -> None:
    wait, plain = next_attempt(attempts, jitter), SCHEDULE[attempts - 1]
    assert wait is not None
    assert plain * 0.599 <= wait <= plain * 1.401


def test_a_few_retries_are_few() -> None:
    waits = [next_attempt(n, 0.0, at_most=3) for n in range(1, 6)]
    assert [wait is not None for wait in waits] == [True, True, True, False, False]


def test_the_breaker_opens_at_five_and_waits_six_hours_at_most() -> None:
    assert [breaker_wait(n) for n in range(5)] == [None] * 5
    minutes = [wait.total_seconds() / 60 for n in range(5, 13) if (wait := breaker_wait(n))]
    assert minutes == [10, 20, 40, 80, 160, 320, 360, 360]
    assert breaker_wait(10**9) == timedelta(hours=6)


def test_a_host_that_was_silent_for_a_day_is_asked_every_three_quarters_of_an_hour() -> None:
    assert breaker_wait(50, timedelta(days=1)) == timedelta(minutes=45)
    assert breaker_wait(3, timedelta(days=1)) is None


def test_a_wait_begun_on_the_first_day_of_silence_does_not_reach_far_into_the_second() -> None:
    assert longest_wait(timedelta(0)) == timedelta(days=1)
    for hours in range(30):
        silent = timedelta(hours=hours)
        found = silent + (breaker_wait(12, silent) or timedelta(0))
        assert hours >= 24 or found <= timedelta(hours=24, minutes=45)
    assert breaker_wait(12, timedelta(hours=23)) == timedelta(hours=1)
    assert breaker_wait(12, timedelta(hours=23, minutes=50)) == timedelta(minutes=45)


def test_r16_hosts_that_fell_silent_together_are_not_asked_together() -> None:
    waits = {breaker_wait(5, timedelta(days=2), jitter / 10) for jitter in range(-10, 11)}
    minutes = sorted(wait.total_seconds() / 60 for wait in waits if wait)
    assert len(minutes) == 21
    assert (round(minutes[0]), round(minutes[-1])) == (27, 45)


async def test_a_signer_signs_for_many_actors_away_from_the_loop(keys: SigningKeys) -> None:
    other = generate_keys("https://hub.example/actors/news")
    rings = {keys.actor: keys, other.actor: other}
    looked_up: list[str] = []

    async def keys_of(actor: str) -> SigningKeys:
        looked_up.append(actor)
        return rings[actor]

    signer = Signer(keys_of)
    for actor in rings:
        peer = Peer([202])
        outcome, _ = await deliver(
            peer, actor, INBOX, BODY, digest_header(BODY), scheme="cavage", now=NOW, signer=signer
        )
        assert outcome == Delivered(202)
        assert f'keyId="{actor}#main-key"' in peer.posts[0][1]["signature"]
    assert looked_up == list(rings)
    names = [thread.name for thread in threading.enumerate()]
    assert any(name.startswith("federation-sign") for name in names)
    signer.close()


async def test_a_signer_signs_what_a_fetcher_asks_for(keys: SigningKeys) -> None:
    signer = Signer({keys.actor: keys}.__getitem__)
    headers = await signer.for_actor(keys.actor, lambda: NOW)("GET", "https://peer.example/a")
    assert headers["Date"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    assert "Digest" not in headers
    signer.close()


async def test_a_hundred_signatures_do_not_hold_the_loop(keys: SigningKeys) -> None:
    signer = Signer()
    longest, done = 0.0, False

    async def watch() -> None:
        nonlocal longest
        while not done:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before)

    watcher = asyncio.create_task(watch())
    await asyncio.gather(
        *(signer.sign(keys, "POST", INBOX, BODY, now=NOW) for _ in range(100)),
    )
    done = True
    await watcher
    signer.close()
    assert longest < 0.25


KEYS = generate_keys(ACTOR)


async def test_signatures_asked_for_together_are_each_one_s_own(keys: SigningKeys) -> None:
    signer = Signer()
    urls = [f"https://peer{number}.example/inbox" for number in range(20)]

    async def sign(url: str) -> dict[str, str]:
        return await signer.sign(keys, "POST", url, BODY, now=NOW)

    given_up = asyncio.ensure_future(sign(urls[0]))
    await asyncio.sleep(0)
    given_up.cancel()
    wanted = [*urls, "https://peer.example:0/"]
    signed = await asyncio.gather(*map(sign, wanted), return_exceptions=True)
    signer.close()
    alone = [sign_request(keys, "POST", url, BODY, now=NOW) for url in urls]
    assert signed[:-1] == alone
    assert isinstance(signed[-1], BadUrl)
