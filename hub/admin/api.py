"""Servers, follows and deliveries for programs of stewards."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from hub.admin import queries, service
from hub.entries.asking import link_next
from hub.entries.paging import DEFAULT_LIMIT, CursorText, Limit
from hub.fediverse import follows as fediverse_follows
from hub.fediverse import peer_views, relays
from hub.people.permissions import MODERATORS, require
from hub.trust.api import look_again
from hub.web.bodies import api_router
from hub.web.doors import Asking, Hub

peers = api_router("/peers", "servers", MODERATORS)
follows = api_router("/follows", "follows", MODERATORS)
followers = api_router("/followers", "follows", MODERATORS)
deliveries = api_router("/deliveries", "servers", MODERATORS)

LONGEST = 300


class View(BaseModel):
    """What is read from rows."""

    model_config = ConfigDict(from_attributes=True)


class PeerView(View):
    """A server that this hub knows; `waiting` counts deliveries."""

    host: str
    standing: str
    software: str | None
    last_seen_at: datetime | None
    last_delivered_at: datetime | None
    failures: int
    last_error: str | None
    closed_until: datetime | None
    waiting: int
    followed: bool
    followers: int


class FollowDraft(BaseModel):
    """Somebody to follow: `@events@hub.example`, or the address of their page.

    `relay`: it is one; its address may be that of its inbox, as stewards of Mastodon have it.
    """

    model_config = ConfigDict(extra="forbid")

    handle: Annotated[str, Field(min_length=3, max_length=LONGEST)]
    relay: bool = False


class FollowView(View):
    """A follow; `channel` is our side.

    `relay`: as what we subscribed to a relay, `actor` or `public`; null for all others.
    """

    id: UUID
    handle: str
    name: str
    uri: str
    url: str
    channel: str
    state: str
    relay: str | None
    created_at: datetime
    answered_at: datetime | None


class DeliveryView(View):
    """A delivery that waits, or arrived."""

    activity: str | None
    type: str | None
    object: str
    host: str
    inbox: str
    state: Literal["waiting", "retrying", "delivered"]
    attempts: int
    created_at: datetime | None
    due_at: datetime | None
    delivered_at: datetime | None
    last_error: str | None


class Peers(BaseModel):
    """The servers that the hub knows."""

    items: list[PeerView]
    next: str | None = None


class Follows(BaseModel):
    """Follows, oldest first."""

    items: list[FollowView]
    next: str | None = None


class Deliveries(BaseModel):
    """A page of deliveries."""

    items: list[DeliveryView]
    next: str | None


@peers.get("")
async def known(hub: Hub, caller: Asking) -> Peers:
    """Every server that the hub knows, the busiest first."""
    require(caller, "moderate")
    async with hub.db.read() as session:
        rows = await peer_views.listed(session)
    return Peers(items=[PeerView.model_validate(row) for row in rows])


@follows.get("")
async def following(hub: Hub, caller: Asking) -> Follows:
    """Whom this hub follows."""
    require(caller, "moderate")
    async with hub.db.read() as session:
        rows = await queries.following(session)
    return Follows(items=[FollowView.model_validate(row) for row in rows])


@follows.post("", status_code=201)
async def follow(draft: FollowDraft, request: Request, hub: Hub, caller: Asking) -> FollowView:
    """Ask to follow somebody on another server; it is pending until they accept."""
    require(caller, "moderate")
    row = await relays.follow(hub, draft.handle, relay=draft.relay)
    look_again(request)
    return FollowView.model_validate(queries.view_of(row, "out"))


@follows.delete("/{follow_id}", status_code=204)
async def unfollow(follow_id: UUID, hub: Hub, caller: Asking) -> None:
    """Follow them no more."""
    require(caller, "moderate")
    async with hub.db.read() as session:
        row = await queries.follow_by_id(session, follow_id)
    await fediverse_follows.unfollow(hub, row.followee.handle)


@follows.delete("", status_code=204)
async def unfollow_named(
    handle: Annotated[str, Query(max_length=LONGEST)], hub: Hub, caller: Asking
) -> None:
    """Follow them no more; their handle in the query."""
    require(caller, "moderate")
    await fediverse_follows.unfollow(hub, handle)


@followers.get("")
async def follower_list(hub: Hub, caller: Asking) -> Follows:
    """Who follows the channels of this hub."""
    require(caller, "moderate")
    async with hub.db.read() as session:
        rows = await queries.followers(session)
    return Follows(items=[FollowView.model_validate(row) for row in rows])


@followers.delete("/{follow_id}", status_code=204)
async def remove_follower(follow_id: UUID, hub: Hub, caller: Asking) -> None:
    """Send a follower away."""
    require(caller, "moderate")
    async with hub.db.write() as session:
        await service.remove_follower(session, hub, follow_id)


@deliveries.get("")
async def on_their_way(
    request: Request,
    response: Response,
    hub: Hub,
    caller: Asking,
    host: Annotated[str | None, Query(max_length=LONGEST)] = None,
    state: queries.State | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Deliveries:
    """What waits to be delivered, oldest first; `state=delivered` shows what arrived."""
    require(caller, "moderate")
    async with hub.db.read() as session:
        found = await queries.deliveries(
            session, host=host, state=state, limit=limit, cursor=cursor
        )
    link_next(request, response, found)
    items = [DeliveryView.model_validate(row) for row in found.items]
    return Deliveries(items=items, next=found.next)
