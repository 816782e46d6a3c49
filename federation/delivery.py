"""One activity to one inbox: signing it, sending it, and what its answer means.

The body and its digest are made once per activity; only Host, Date and target are signed anew for
each inbox and each attempt. What to do next is a value (`Outcome`), and when is a pure function, so
that the queue of an application holds all state.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial

from federation.client import POST_SECONDS, Answer, Poster
from federation.errors import PASSING_STATUSES, FederationError, ForbiddenAddress, Unreachable
from federation.origins import split_url
from federation.signatures.http import Scheme, asked_for, sign_request
from federation.signatures.keys import SigningKeys

KeyLookup = Callable[[str], SigningKeys | Awaitable[SigningKeys]]
Clock = Callable[[], datetime]

# When an attempt follows the one before, 3.7 days in all: a weekend without power loses nothing.
SCHEDULE = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
    timedelta(hours=12),
    timedelta(hours=24),
    timedelta(hours=24),
)
# Wide, so that what waited for one host does not come back all at once.
JITTER = 0.4
# A peer that refuses our signature may have fetched our key at a bad moment; it is not away.
TRIES_AFTER_REFUSAL = 3
RETRY_AFTER_LEAST = timedelta(minutes=1)
RETRY_AFTER_MOST = timedelta(hours=24)

BREAKER_FAILURES = 5
BREAKER_FIRST = timedelta(minutes=10)
BREAKER_MOST = timedelta(hours=6)
# After a day of silence the host is asked often enough to be found within the hour of its return.
SILENT_AFTER = timedelta(days=1)
SILENT_PROBE = timedelta(minutes=45)

# So long a server reads RFC 9421 that signed by it, or said that it can (PROTOCOL §2.2).
RFC9421_LIFE = timedelta(days=30)

# RSA signing is the floor of fan-out at 0.3 to 0.9 ms; more threads than cores would gain nothing.
SIGNING_THREADS = 2
# Signatures made in one visit to a thread; each visit costs a tenth of a signature.
SIGNED_TOGETHER = 8

_SUCCESS = range(200, 300)
_CLIENT_ERROR = range(400, 500)
_BAD_REQUEST = 400
_UNAUTHORISED = 401
_FORBIDDEN = 403
_GONE = 410
# These speak of the host as a whole, other refusals of one object at most.
_HOST_TROUBLE = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Delivered:
    """The peer took it. What it does with it is not known: some say 200 to everything."""

    status: int


@dataclass(frozen=True, slots=True)
class Later:
    """Not now.

    `after` is how long the peer asks us to wait, between a minute and a day; None leaves it to
    the schedule. `host_trouble` is true when no other delivery to this host has better
    prospects. `at_most` is after how many attempts to give up; None is the whole schedule.
    """

    reason: str
    after: timedelta | None = None
    host_trouble: bool = False
    at_most: int | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """This peer will never take this activity; it says nothing about the next one."""

    reason: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class GoneForGood:
    """The inbox is no more (410): worth a look whether its actor still is."""

    reason: str
    status: int = _GONE


@dataclass(frozen=True, slots=True)
class TryOther:
    """Perhaps the other signature scheme; never comes out of `deliver`."""

    status: int


Outcome = Delivered | Later | Dropped | GoneForGood


class Signer:
    """Signs requests for many actors, off the event loop.

    `keys_of` finds the keys of an actor by its id, at once or after a while; without it, keys
    are given with each request. Keys are parsed objects: parsing one costs fifty signatures.
    """

    def __init__(self, keys_of: KeyLookup | None = None, *, threads: int = SIGNING_THREADS) -> None:
        self._keys_of = keys_of
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="federation-sign")
        self._waiting: list[_Wanted] = []

    async def sign(
        self,
        keys: SigningKeys | str,
        method: str,
        url: str,
        body: bytes | None,
        *,
        now: datetime,
        scheme: Scheme = "cavage",
        digest: str | None = None,
    ) -> dict[str, str]:
        """All headers of a signed request, by these keys or those of this actor.

        Raises:
            BadUrl: the url is not one that can be sent to.
        """
        ready = await self._find(keys) if isinstance(keys, str) else keys
        work = partial(
            sign_request, ready, method, url, body, scheme=scheme, digest=digest, now=now
        )
        if scheme == "ed25519":
            return work()  # a visit to a thread would cost more
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._hand_over, loop)  # with all that ask until then
        signed: asyncio.Future[dict[str, str]] = loop.create_future()
        self._waiting.append((signed, work))
        return await signed

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), SIGNED_TOGETHER):
            few = waiting[start : start + SIGNED_TOGETHER]
            self._threads.submit(_sign_all, few, loop)

    def for_actor(
        self, actor: str, clock: Clock = lambda: datetime.now(UTC)
    ) -> Callable[[str, str], Awaitable[Mapping[str, str]]]:
        """A function that signs what has no body, in the name of one actor: for `Fetcher`."""

        async def sign(method: str, url: str) -> Mapping[str, str]:
            return await self.sign(actor, method, url, None, now=clock())

        return sign

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _find(self, actor: str) -> SigningKeys:
        if self._keys_of is None:
            raise LookupError("this signer knows no actors")
        found = self._keys_of(actor)
        return await found if inspect.isawaitable(found) else found


_Wanted = tuple[asyncio.Future[dict[str, str]], Callable[[], dict[str, str]]]
_Signed = tuple[asyncio.Future[dict[str, str]], dict[str, str] | Exception]


def _sign_all(wanted: list[_Wanted], loop: asyncio.AbstractEventLoop) -> None:
    """Make these signatures, in a thread, and tell the loop once."""
    made: list[_Signed] = []
    for signed, work in wanted:
        try:
            made.append((signed, work()))
        except Exception as error:
            made.append((signed, error))
    with contextlib.suppress(RuntimeError):  # the loop ended meanwhile
        loop.call_soon_threadsafe(_tell, made)


def _tell(made: list[_Signed]) -> None:
    for signed, result in made:
        if signed.done():
            continue  # nobody waits any more
        if isinstance(result, Exception):
            signed.set_exception(result)
        else:
            signed.set_result(result)


async def deliver(
    poster: Poster,
    keys: SigningKeys | str,
    inbox: str,
    body: bytes,
    digest: str,
    *,
    scheme: Scheme,
    now: datetime,
    signer: Signer | None = None,
    deadline_s: float = POST_SECONDS,
) -> tuple[Outcome, Scheme]:
    """What came of one attempt, and the scheme to begin with next time.

    `digest` is the `Digest` of the body. A signature that is refused (400, 401) is tried once in
    the other scheme (RFC 9421 or draft-cavage-12); a peer that takes it and asks for another by
    `Accept-Signature` gets that next time. `signer` does the signing off the loop, and finds the
    keys where an actor's id is given in their place.
    """
    begun = time.monotonic()
    asked: Scheme | None = None

    async def attempt(scheme: Scheme) -> Outcome | TryOther:
        nonlocal asked
        moment = now + timedelta(seconds=time.monotonic() - begun)
        try:
            url = split_url(inbox).url
            headers = await _signed(keys, url, body, digest, scheme, moment, signer)
            answer = await poster.post(url, headers, body, deadline_s=deadline_s)
        except FederationError as error:
            return outcome_of_error(error)
        asked = asked_for(answer.headers.get("accept-signature"))
        return outcome_of(answer, moment)

    first = await attempt(scheme)
    if not isinstance(first, TryOther):
        return first, asked if asked and isinstance(first, Delivered) else scheme
    other: Scheme = "rfc9421" if scheme == "cavage" else "cavage"
    second = await attempt(other)
    if not isinstance(second, TryOther):
        return second, other if isinstance(second, Delivered) else scheme
    return _refused_twice(first.status, second.status), scheme


async def _signed(
    keys: SigningKeys | str,
    url: str,
    body: bytes,
    digest: str,
    scheme: Scheme,
    now: datetime,
    signer: Signer | None,
) -> dict[str, str]:
    if signer is not None:
        return await signer.sign(keys, "POST", url, body, now=now, scheme=scheme, digest=digest)
    if isinstance(keys, str):
        raise LookupError("an actor's id in place of keys needs a signer that knows it")
    return sign_request(keys, "POST", url, body, scheme=scheme, digest=digest, now=now)


def first_scheme(worked: str | None, spoke_at: datetime | None, now: datetime) -> Scheme:
    """Which scheme to begin with: draft-cavage, which all read, unless there is a better hint.

    `worked` is the scheme that the peer took last, None for none yet; `spoke_at` is when the peer
    last showed that it speaks RFC 9421: it signed so, or says so (FEP-844e).
    """
    if worked == "ed25519":
        return "ed25519"
    speaks = spoke_at is not None and now - spoke_at <= RFC9421_LIFE
    return "rfc9421" if speaks or worked == "rfc9421" else "cavage"


def outcome_of(answer: Answer, now: datetime) -> Outcome | TryOther:
    """What the answer to a POST means."""
    status, reason = answer.status, f"answered {answer.status}"
    if status in _SUCCESS:
        return Delivered(status)
    if status in (_BAD_REQUEST, _UNAUTHORISED):
        return TryOther(status)
    if status in PASSING_STATUSES:
        wait = retry_after(answer.headers.get("retry-after"), now)
        return Later(reason, wait, host_trouble=status in _HOST_TROUBLE, status=status)
    if status == _GONE:
        return GoneForGood(reason)
    if status in _CLIENT_ERROR and status != _FORBIDDEN:
        return Dropped(reason, status)
    # What is left is 403, and redirects: one of a POST would lose the body, so none is followed.
    at_most = TRIES_AFTER_REFUSAL if status == _FORBIDDEN else None
    return Later(reason, at_most=at_most, status=status)


def outcome_of_error(error: FederationError) -> Outcome:
    """What it means that there was no answer to a POST."""
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, Unreachable):
        # Some peers drop the connection over one kind of object and take the next one.
        return Later(reason, host_trouble=not error.connected)
    if error.retry:
        return Later(reason, host_trouble=isinstance(error, ForbiddenAddress))
    return Dropped(reason)


def _refused_twice(first: int, second: int) -> Outcome:
    if first == second == _BAD_REQUEST:
        return Dropped("answered 400 to both signature schemes", _BAD_REQUEST)
    return Later(
        f"answered {first}, then {second} to the other signature scheme",
        at_most=TRIES_AFTER_REFUSAL,
        status=_UNAUTHORISED,
    )


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """How long a Retry-After asks to wait, from a minute to a day (RFC 9110 §10.2.3).

    None if there is none, or one that cannot be read.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdecimal():
        # Nine digits are thirty years; more would not fit into a timedelta.
        wait = timedelta(seconds=int(text[:9]))
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        wait = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - now
    return min(max(wait, RETRY_AFTER_LEAST), RETRY_AFTER_MOST)


def next_attempt(attempts: int, jitter: float, *, at_most: int | None = None) -> timedelta | None:
    """How long to wait after this many attempts, or None if that was the last.

    `jitter` from -1 to 1 moves it by up to 40 % either way; `at_most` is that of `Later`.
    """
    if attempts < 1:
        return timedelta(0)
    if attempts > len(SCHEDULE) or (at_most is not None and attempts > at_most):
        return None
    return SCHEDULE[attempts - 1] * (1 + JITTER * min(max(jitter, -1.0), 1.0))


def breaker_wait(
    failures: int, silent_for: timedelta = timedelta(0), jitter: float = -1.0
) -> timedelta | None:
    """How long to leave a host alone after this many failures in a row; None below five.

    Ten minutes, doubling to six hours; after a day of silence every 45 minutes. `jitter` from -1
    to 1 moves it by up to 40 % towards now: hosts that fell silent together, because our own line
    was cut, do not all come back in one moment.
    """
    if failures < BREAKER_FAILURES:
        return None
    doublings = min(failures - BREAKER_FAILURES, 10)
    wait = min(BREAKER_FIRST * (1 << doublings), BREAKER_MOST)
    if silent_for >= SILENT_AFTER:
        wait = SILENT_PROBE
    return min(_sooner(wait, jitter), longest_wait(silent_for, jitter))


def longest_wait(silent_for: timedelta, jitter: float = -1.0) -> timedelta:
    """How long a host that gives no answer is left alone at most: to the end of its first day.

    From then on it is 45 minutes, so that no wait begun before reaches far beyond.
    """
    return _sooner(max(SILENT_AFTER - silent_for, SILENT_PROBE), jitter)


def _sooner(wait: timedelta, jitter: float) -> timedelta:
    return wait * (1 - JITTER * (1 + min(max(jitter, -1.0), 1.0)) / 2)
