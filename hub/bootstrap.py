"""The one list of rooms, and how a hub is put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec

from federation.client import ClosingPoster, Getter, HttpGetter, HttpPoster, Poster
from federation.delivery import Signer
from federation.fetching import Fetcher
from federation.guard import Guard
from federation.inbox import Inbox
from federation.signatures.keys import SigningKeys
from hub import __version__
from hub.actors import keys, service
from hub.actors.channels import RELAY
from hub.admin.feature import feature as admin
from hub.areas.feature import feature as areas
from hub.audit import log as audit
from hub.browse.feature import feature as browse
from hub.core.clock import now
from hub.core.db import Database
from hub.core.feature import Feature
from hub.core.files import make_folder
from hub.core.secrets import load_master_key
from hub.core.services import Services
from hub.core.settings import Settings
from hub.directory.feature import feature as directory
from hub.entries.feature import feature as entries
from hub.events.feature import feature as events
from hub.exchange.feature import feature as exchange
from hub.fediverse import address, follows, naming, relocating, upkeep
from hub.fediverse.handlers import inbox as fediverse_inbox
from hub.fediverse.received import Received
from hub.fediverse.site import HubSite
from hub.feeds.feature import feature as feeds
from hub.keeping.restoring import RESTORED
from hub.leaving.feature import feature as leaving
from hub.mail.upkeep import upkeep as mail_upkeep
from hub.maps.feature import feature as maps
from hub.moderation.feature import feature as moderation
from hub.netmap.feature import feature as netmap
from hub.network.feature import feature as network
from hub.news.feature import feature as news
from hub.overview.feature import feature as overview
from hub.people.feature import feature as people
from hub.posting.feature import feature as posting
from hub.setup import chosen
from hub.setup.feature import feature as setup
from hub.today.feature import feature as today
from hub.trust.feature import feature as trust

# Order matters for routes alone: fixed paths before `{id}`.
FEATURES: tuple[Feature, ...] = (
    feeds,
    events,
    exchange,
    news,
    directory,
    people,
    posting,
    leaving,
    moderation,
    areas,
    overview,
    today,
    netmap,
    network,
    trust,
    setup,
    admin,
    maps,
    browse,
    entries,
)

# Rooms that only register jobs are named here, so that they are loaded.
JOBS = (upkeep.upkeep, mail_upkeep)


@dataclass(frozen=True)
class Hub:
    """A hub, put together."""

    services: Services
    site: HubSite
    handlers: Inbox[Received]


def handlers() -> Inbox[Received]:
    """Every inbound handler of every room; a pair that two rooms claim is refused."""
    everything = Inbox[Received]()
    everything.include(fediverse_inbox)
    for feature in FEATURES:
        if feature.inbox is not None:
            everything.include(feature.inbox)
    return everything


def user_agent(settings: Settings) -> str:
    """Who we say we are (AP-77)."""
    return f"NeighbourhoodHub/{__version__} (+{settings.url}/)"


def guard_for(settings: Settings) -> Guard:
    """Which addresses this hub may dial."""
    return Guard(
        allow_networks=settings.allow_networks,
        allow_http=settings.allow_http,
        own_hosts=settings.authorities,
    )


def poster_class() -> Callable[..., ClosingPoster]:
    """Who delivers: libcurl where it is installed (the extra `fast`), else aiohttp (0026)."""
    if find_spec("pycurl") is None:
        return HttpPoster
    carrier: Callable[..., ClosingPoster] = import_module("federation.curl").CurlPoster
    return carrier


@asynccontextmanager
async def opened(
    settings: Settings, *, getter: Getter | None = None, poster: Poster | None = None
) -> AsyncIterator[Hub]:
    """A hub over its database, ready to serve; tables must be there (`hub migrate`).

    `getter` and `poster` stand in for the network in tests.

    Raises:
        CommandFailed: the key file does not fit, or the address may not change any more.
    """
    make_folder(settings.data_dir)
    (settings.data_dir / "media").mkdir(exist_ok=True)
    guard, agent = guard_for(settings), user_agent(settings)
    http_getter = HttpGetter(guard, user_agent=agent, ca_file=settings.ca_file)
    http_poster = poster_class()(guard, user_agent=agent, ca_file=settings.ca_file)
    signing: dict[str, SigningKeys] = {}
    signer = Signer(signing.__getitem__)
    fetcher = Fetcher(
        getter or http_getter, guard, signer.for_actor(f"{settings.url}/actors/{RELAY}"), agent, now
    )
    services = Services(settings, Database(settings.database), fetcher, poster or http_poster)
    services = replace(services, keys=signing)
    try:
        await _prepare(services)
        async with services.wake.shared(services.db), chosen.followed(services):
            yield Hub(services, HubSite(services), handlers())
    finally:
        signer.close()
        await asyncio.gather(http_getter.close(), http_poster.close())
        await services.db.close()


async def _prepare(services: Services) -> None:
    """Actors, keys and address, as the settings want them."""
    await chosen.take_up(services)
    settings = services.settings
    master = load_master_key(settings.data_dir)
    async with services.db.write() as session:
        change = await address.settle(session, settings)
        await service.ensure_channels(session, settings, master)
        services.keys.update(await keys.load(session, master))
        if (settings.data_dir / RESTORED).exists():
            with audit.by_command():
                await audit.note(session, "restored")
            await follows.ask_again(session, services)
        if change is not None and change.moved:
            await relocating.announce(session, services, change.old)
        elif change is not None:
            await address.say_again(session, services, change.old)
        await naming.tell(session, services, settings)
    (settings.data_dir / RESTORED).unlink(missing_ok=True)
