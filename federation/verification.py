"""From a raw request to an activity of which we know who said it.

Nothing acts on an activity that has not been through here: `Verifier` alone makes a
`VerifiedActivity`. Checks go from cheap to dear, nothing is written, and before the signature
holds nothing is fetched but its key. Three ways lead to trust: the signer is the actor; the
actor's proof is in the document; or a server that we follow passed it on, and then the word of
the origin counts and not what was sent (FEP-fe34).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from federation.asking import AskedTooMuch, Asking
from federation.authority import may_name, may_prove_for, may_sign_for, owns_key
from federation.errors import (
    BadUrl,
    FederationError,
    Gone,
    KeyUnavailable,
    MalformedDocument,
    MalformedKey,
    SignatureInvalid,
    Unauthentic,
    UnsupportedType,
)
from federation.fetching import Fetcher
from federation.origins import authority, canonical
from federation.recent import Recent
from federation.signatures.http import Claim, Request, Scheme, check, read_claim
from federation.signatures.keys import (
    PublicKey,
    key_of_document,
    keys_of_actor,
    lists_key,
)
from federation.signatures.proofs import proof_owner_key, verify_proof
from federation.signatures.times import FUTURE, PAST
from federation.vocab.activities import Activity
from federation.vocab.loading import check_vocabulary, loads
from federation.vocab.parse import parse

KEY_LIFE = timedelta(hours=24)
"""How long a key counts without being asked for again; so long a stolen one may last."""
COOL_OFF = timedelta(minutes=5)
"""How often a key that does not fit is fetched anew, or one that is refused asked for again."""
AWAY = timedelta(seconds=30)
"""How long a key is not asked for again after its server did not answer."""
MAX_KEYS = 8192
"""Keys kept; about 2 kB each."""
MAX_DOCUMENTS = 256
"""Actor documents kept beside the newest keys, for those who store the actor afterwards."""
MAX_DOCUMENT_BYTES = 32 * 1024
"""Larger actor documents are given once and not kept; usual ones have 5 kB."""
MAX_REPLAYS = 131_072
"""Signatures remembered: 18 a second for the two hours of the window, about 25 MB."""

Trust = Literal["signer", "proof", "refetch"]
Clock = Callable[[], datetime]
LocalKeys = Callable[[str], Awaitable[PublicKey | None]]


class KeyGone(KeyUnavailable):
    """The server of a key says that there is none: `status` is 404 or 410."""

    retry = False

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class VerifiedActivity:
    """An activity, and how we know who said it. Only `Verifier` makes these.

    `trust` is "signer" where the actor signed the request, "proof" where the document bears the
    actor's proof, and "refetch" where nothing of it may be believed: then it is a hint to ask the
    origin of its object. `host` is the server that sent it, `body` the very bytes that were
    signed. `actor_document` is the actor's own document if it was fetched lately, else None.
    """

    document: dict[str, Any]
    body: bytes
    activity: Activity
    actor: str
    signer: str
    host: str
    scheme: Scheme
    trust: Trust
    actor_document: dict[str, Any] | None
    fingerprint: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Ignored:
    """A request that gets its 202 and has no effect; `reason` is for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unverified:
    """A request that passed the cheap checks; `host` is the server of the key that it names."""

    request: Request
    document: dict[str, Any]
    claim: Claim
    host: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """A key in the ring; `asserts` says that it may sign documents."""

    key: PublicKey
    asserts: bool
    until: datetime


@dataclass(frozen=True, slots=True)
class _Found:
    """A key with its owner's document; `fresh` says that it was fetched for this."""

    key: PublicKey
    asserts: bool
    document: dict[str, Any] | None
    fresh: bool


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a key is not to be had for now; the error itself would keep its documents alive."""

    until: datetime
    status: int | None

    def error(self) -> KeyUnavailable:
        if self.status is not None:
            return KeyGone("the key is gone", self.status)
        return KeyUnavailable("the key could not be fetched")


class KeyRing:
    """The public keys of others, fetched when first needed and kept for a day.

    `local` gives the keys of our own actors, which are never fetched; None for all others.
    """

    def __init__(self, fetcher: Fetcher, clock: Clock, *, local: LocalKeys | None = None) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._local = local
        self._kept: Recent[str, _Kept] = Recent(MAX_KEYS)
        self._documents: Recent[str, dict[str, Any]] = Recent(MAX_DOCUMENTS)
        self._refused: Recent[str, _Refusal] = Recent(MAX_KEYS)
        self._renewals: Recent[str, datetime] = Recent(MAX_KEYS)
        self._renewing: dict[str, asyncio.Task[_Found | None]] = {}
        self._asking = Asking(clock)
        self._under_way: dict[str, asyncio.Task[_Found]] = {}

    async def key(self, key_id: str) -> tuple[PublicKey, dict[str, Any] | None]:
        """The key of this id, and its owner's document if that was fetched lately.

        Raises:
            KeyUnavailable: it cannot be had, or its owner does not know it. `KeyGone` if its
                server says that there is none.
        """
        found = await self.find(key_id)
        return found.key, found.document

    async def find(self, key_id: str) -> _Found:
        """As `key`, with what the verifier has to know besides."""
        own = None if self._local is None else await self._local(key_id)
        if own is not None:
            return _Found(own, own.is_ed25519, None, fresh=True)
        kept = self._kept.get(key_id)
        if kept is not None and self._clock() < kept.until:
            return _Found(kept.key, kept.asserts, self._documents.get(kept.key.owner), fresh=False)
        refused = self._refused.get(key_id)
        if refused is not None and self._clock() < refused.until:
            raise refused.error()
        return await self._fetch(key_id)

    def knows(self, key_id: str) -> bool:
        """Whether the key is at hand, so that a signature costs us next to nothing."""
        kept = self._kept.get(key_id)
        return kept is not None and self._clock() < kept.until

    async def renewed(self, key_id: str) -> _Found | None:
        """The key fetched anew, for it may have been changed; None if that was tried just now.

        A thousand forged requests must not make us ask a thousand times (PROTOCOL 2.3), but all
        that wait for a changed key at this moment get it.
        """
        task = self._renewing.get(key_id)
        if task is None:
            now = self._clock()
            last = self._renewals.get(key_id)
            if last is not None and now - last < COOL_OFF:
                return None
            self._renewals.put(key_id, now)
            task = asyncio.create_task(self._renew(key_id))
            self._renewing[key_id] = task
            task.add_done_callback(lambda _: self._renewing.pop(key_id, None))
        return await asyncio.shield(task)

    def forget(self, actor: str) -> None:
        """Forget the keys of an actor who is gone, or who told us of new ones."""
        self._documents.drop(actor)
        for key_id in [name for name, kept in self._kept.items() if kept.key.owner == actor]:
            self._kept.drop(key_id)

    async def _renew(self, key_id: str) -> _Found | None:
        try:
            return await self._fetch(key_id)
        except KeyUnavailable:
            return None

    async def _fetch(self, key_id: str) -> _Found:
        """The key, asked for once however many wait for it."""
        task = self._under_way.get(key_id)
        if task is None:
            task = asyncio.create_task(self._fetched(key_id))
            self._under_way[key_id] = task
            task.add_done_callback(lambda done: self._answered(key_id, done))
        return await asyncio.shield(task)

    def _answered(self, key_id: str, task: asyncio.Task[_Found]) -> None:
        self._under_way.pop(key_id, None)
        if not task.cancelled():
            task.exception()  # looked at, even if nobody waits for it any more

    async def _fetched(self, key_id: str) -> _Found:
        try:
            with self._asking.about(key_id):
                key, document = await self._ask(key_id)
        except AskedTooMuch:
            raise  # it speaks of us, not of the key
        except FederationError as error:
            wait = AWAY if error.retry else COOL_OFF
            status = error.status if isinstance(error, Gone) else None
            refusal = _Refusal(self._clock() + wait, status)
            self._refused.put(key_id, refusal)
            raise refusal.error() from error
        self._refused.drop(key_id)
        self.forget(key.owner)  # a key that is no longer listed may have been stolen
        asserting = {each.id for each in keys_of_actor(document, ("assertionMethod",))}
        until = self._clock() + KEY_LIFE
        for each in (*keys_of_actor(document), key):
            if owns_key(each.owner, each.id):
                self._kept.put(each.id, _Kept(each, each.id in asserting, until))
        if len(orjson.dumps(document)) <= MAX_DOCUMENT_BYTES:
            self._documents.put(key.owner, document)
        return _Found(key, key.id in asserting, document, fresh=True)

    async def _ask(self, key_id: str) -> tuple[PublicKey, dict[str, Any]]:
        """The key and its owner's document, which must name each other (SECURITY A1)."""
        document = (await self._fetcher.fetch(key_id, bare=True)).document
        key = _listed(document, key_id)
        if key is not None:
            check_vocabulary(document)  # it is the owner's own
            return key, document
        key = key_of_document(document, key_id)
        if not owns_key(key.owner, key.id):
            raise MalformedKey("the key is of another server than its owner")
        owner = (await self._fetcher.fetch(key.owner)).document
        if owner.get("id") != key.owner or not lists_key(owner, key_id):
            raise MalformedKey("the owner of the key does not list it")
        return _listed(owner, key_id) or key, owner


def _listed(document: Mapping[str, Any], key_id: str) -> PublicKey | None:
    for key in keys_of_actor(document):
        if key.id == key_id and owns_key(key.owner, key.id):
            return key
    return None


class Verifier:
    """Decides who said what a request brings.

    `origin` is our public address, `hosts` says whether an authority is ours (it may have
    several names on a loopback). `is_known_actor` says whether anything is kept of an actor;
    `is_relay` whether we follow something on a server, so that it may pass on what others said.
    A signature counts from `past` before now until `future` after it.
    """

    def __init__(
        self,
        keyring: KeyRing,
        *,
        origin: str,
        hosts: Callable[[str], bool],
        clock: Clock,
        is_known_actor: Callable[[str], Awaitable[bool]],
        is_relay: Callable[[str], Awaitable[bool]],
        past: timedelta = PAST,
        future: timedelta = FUTURE,
    ) -> None:
        self.keyring = keyring
        self._origin = origin
        self._hosts = hosts
        self._clock = clock
        self._is_known_actor = is_known_actor
        self._is_relay = is_relay
        self._past = past
        self._future = future
        self._seen: Recent[bytes, datetime] = Recent(MAX_REPLAYS)

    async def verify(self, request: Request) -> VerifiedActivity | Ignored:
        """The activity that a request brings, or that it is to be passed over.

        Raises:
            MalformedDocument: the body is no activity (400).
            SignatureMissing, SignatureInvalid, KeyUnavailable: nobody knows who said it (401).
        """
        return await self.judge(self.read(request))

    def read(self, request: Request) -> Unverified:
        """The cheap half of `verify`: no key, no waiting. Then limits and blocks have their say.

        Raises:
            MalformedDocument: the body is no document (400).
            SignatureMissing, SignatureInvalid: as it is, it cannot be verified (401).
        """
        document = loads(request.body)
        claim = self._claim(request)
        return Unverified(request, document, claim, _host(claim.key_id))

    async def judge(self, unverified: Unverified) -> VerifiedActivity | Ignored:
        """The dear half of `verify`: fetches the key, and the actor's if a proof has to tell.

        Raises:
            MalformedDocument: the body is no activity (400).
            SignatureInvalid, KeyUnavailable: nobody knows who said it (401).
        """
        seen = self._seen.get(unverified.claim.fingerprint)
        if seen is not None and self._clock() < seen:
            return Ignored("the same request once more")
        leaving = _leaving_actor(unverified.document)
        if leaving is not None and not await self._is_known_actor(leaving):
            # Peers tell everybody when an account ends; most have never met it (AP-26).
            return Ignored("the end of an actor whom we do not know")
        try:
            found = await self._signer(unverified.claim)
        except KeyGone as gone:
            if leaving is None or not owns_key(leaving, unverified.claim.key_id):
                raise
            return self._left(unverified, leaving, gone.status)
        try:
            activity = parse(unverified.document)
        except UnsupportedType as error:
            return Ignored(str(error))
        if not isinstance(activity, Activity):
            raise MalformedDocument("an object where an activity belongs")
        return await self._attribute(unverified, activity, found)

    async def signer(self, request: Request) -> str:
        """The actor who signed a request, whatever it asks for: for fetches (PROTOCOL 2.4).

        Raises:
            SignatureMissing, SignatureInvalid, KeyUnavailable: nobody did (401).
        """
        claim = self._claim(request)
        _host(claim.key_id)
        return (await self._signer(claim)).key.owner

    def remember(self, activity: VerifiedActivity) -> None:
        """From now on the same request is a replay. Call this once the activity is kept.

        Not before: a peer whose request we could not keep may send the very same again.
        """
        if activity.fingerprint:
            until = self._clock() + self._past + self._future
            self._seen.put(activity.fingerprint, until)

    def _claim(self, request: Request) -> Claim:
        return read_claim(
            request,
            hosts=self._hosts,
            now=self._clock(),
            past=self._past,
            future=self._future,
            origin=self._origin,
        )

    async def _signer(self, claim: Claim) -> _Found:
        """The key that made the signature; one that does not fit is looked at anew, once."""
        found = await self.keyring.find(claim.key_id)
        if check(claim, found.key):
            return found
        newer = None if found.fresh else await self.keyring.renewed(claim.key_id)
        if newer is None or not check(claim, newer.key):
            raise SignatureInvalid("the signature is not of its key")
        return newer

    def _left(self, unverified: Unverified, actor: str, status: int) -> VerifiedActivity | Ignored:
        """An actor whom we know says farewell, and the key is gone already (PROTOCOL 2.3).

        410 is said on purpose, so the origin may be asked again; 404 may be an accident.
        """
        if status != 410:  # noqa: PLR2004
            return Ignored("the end of an actor whose server does not say so")
        activity = parse(unverified.document)
        if not isinstance(activity, Activity) or activity.actor != actor:
            raise MalformedDocument("an object where an activity belongs")
        return self._verified(unverified, activity, actor, "refetch", None)

    async def _attribute(
        self, unverified: Unverified, activity: Activity, found: _Found
    ) -> VerifiedActivity | Ignored:
        signer = found.key.owner
        if not may_name(activity.actor, activity.id):
            raise SignatureInvalid("the activity has the id of another server than its actor")
        if may_sign_for(signer, activity.actor):
            return self._verified(unverified, activity, signer, "signer", found.document)
        if self._hosts(_host(activity.actor)):
            return Ignored("an activity of our own that came back")
        prover = await self._prover(unverified.document, activity.actor)
        if prover is not None:
            return self._verified(unverified, activity, signer, "proof", prover.document)
        if await self._is_relay(_host(signer)):
            return self._verified(unverified, activity, signer, "refetch", None)
        raise SignatureInvalid("the signer is not the actor")

    async def _prover(self, document: Mapping[str, Any], actor: str) -> _Found | None:
        """The actor's own key, if it made the proof in the document (FEP-8b32)."""
        key_id = proof_owner_key(document)
        if key_id is None or not owns_key(actor, key_id):
            return None
        try:
            found: _Found | None = await self.keyring.find(key_id)
            if found is not None and not self._proves(document, actor, found):
                found = None if found.fresh else await self.keyring.renewed(key_id)
        except KeyUnavailable:
            return None
        return found if found is not None and self._proves(document, actor, found) else None

    def _proves(self, document: Mapping[str, Any], actor: str, found: _Found) -> bool:
        if not may_prove_for(found.key.owner, found.key.id, actor, asserts=found.asserts):
            return False
        try:
            verify_proof(document, found.key, self._clock())
        except Unauthentic:
            return False
        return True

    def _verified(
        self,
        unverified: Unverified,
        activity: Activity,
        signer: str,
        trust: Trust,
        actor_document: dict[str, Any] | None,
    ) -> VerifiedActivity:
        return VerifiedActivity(
            document=unverified.document,
            body=unverified.request.body,
            activity=activity,
            actor=activity.actor,
            signer=signer,
            host=_host(signer),
            scheme=unverified.claim.scheme,
            trust=trust,
            actor_document=actor_document,
            fingerprint=unverified.claim.fingerprint,
        )


def _host(uri: str) -> str:
    try:
        return authority(uri)
    except BadUrl as error:
        raise SignatureInvalid("an actor or a key without a good address") from error


def _leaving_actor(document: Mapping[str, Any]) -> str | None:
    """The actor of a Delete of itself, in whichever form the object came."""
    kinds, actor, thing = (document.get(name) for name in ("type", "actor", "object"))
    if "Delete" not in (kinds if isinstance(kinds, list) else [kinds]):
        return None
    uri = thing.get("id") if isinstance(thing, Mapping) else thing
    if not isinstance(actor, str) or not isinstance(uri, str):
        return None
    return actor if actor == uri or _same(actor, uri) else None


def _same(a: str, b: str) -> bool:
    try:
        return canonical(a) == canonical(b)
    except BadUrl:
        return False
