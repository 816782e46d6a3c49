"""What must be true before a hub moves to another address, in plain words (`hub move`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pydantic import ValidationError

from hub.actors.channels import RELAY
from hub.core.errors import CommandFailed
from hub.core.services import Services
from hub.core.settings import Settings
from hub.fediverse import follows, relocating
from hub.fediverse.relocating import Progress
from hub.today import reach


def origin(url: str) -> str:
    """An address as a hub has it.

    Raises:
        CommandFailed: it is none.
    """
    try:
        return Settings(_env_file=None, url=url).url
    except ValidationError:
        raise CommandFailed(f"{url} is not an address such as https://hub.example.") from None


async def prepare(services: Services, new: str, *, only_try: bool) -> AsyncIterator[str]:
    """Look whether the hub can move to `new`, note that it will, and say what is left to do.

    Raises:
        CommandFailed: it cannot, and why.
    """
    settings = services.settings
    async with services.db.read() as session:
        await relocating.may_move(session, settings, new)
        followers = len(await follows.followers(session))
        followed = len(await follows.ours(session))
    await _check(services, new)
    yield f"{new} leads to this hub."
    yield (
        f"Followers who are told that it moved: {followers}. Mastodon, Fedify and other hubs "
        "follow on by themselves; who does not, hears of old things only."
    )
    yield f"Whom this hub follows, and asks anew: {followed}."
    if only_try:
        yield "Nothing was changed."
        return
    async with services.db.write() as session:
        await relocating.intend(session, new)
    yield "Now change the settings, and restart the hub:"
    yield f"  HUB_URL={new}"
    yield f"  HUB_FORMER_URLS={','.join((settings.url, *settings.former_urls))}"
    yield f"Let {settings.url} lead here for as long as you can. How far it is: hub move {new}"


async def _check(services: Services, new: str) -> None:
    """Return if this very hub is reached at `new`; its key shows that it is no other.

    Raises:
        CommandFailed: it is not.
    """
    settings = services.settings
    found = await reach.reached(settings, new)
    if found.state != "ok":
        raise CommandFailed(f"The hub cannot move yet. {found.told(str)}")
    actor: Any = await reach.asked(settings, new, f"/actors/{RELAY}")
    key = actor.get("publicKey", {}) if isinstance(actor, dict) else {}
    ours = services.keys[f"{settings.url}/actors/{RELAY}"].public_pem
    if key.get("publicKeyPem") != ours:
        raise CommandFailed(f"Another hub answers at {new}.")


def told(done: Progress) -> str:
    """How far a move is, in words."""
    return (
        f"The hub moved. Servers that were told: {done.delivered}; still to be told: "
        f"{done.waiting}. Followers who came along: {done.came}; still at the old name: "
        f"{done.stayed}."
    )
