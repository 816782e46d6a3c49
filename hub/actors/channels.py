"""The actors that every hub has, and what they say about themselves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Channel:
    """One of our actors.

    `kind` is its ActivityPub type; `title` and `summary` are shown to those who look it up, with
    the hub's name in them; `entry_kinds` are what it publishes, none for those that only pass on.
    """

    name: str
    kind: str
    title: str
    summary: str
    entry_kinds: tuple[str, ...] = ()


RELAY = "relay"

CHANNELS = (
    Channel("events", "Service", "{hub} – events", "What is on in {hub}.", ("event",)),
    Channel("offers", "Service", "{hub} – offers", "What neighbours in {hub} offer.", ("offer",)),
    Channel("wants", "Service", "{hub} – wants", "What neighbours in {hub} look for.", ("want",)),
    Channel("news", "Service", "{hub} – news", "News from {hub}.", ("article",)),
    Channel("board", "Group", "{hub} – board", "The noticeboard of {hub}: mention it to post."),
    Channel(
        *("places", "Service", "{hub} – places", "Places and groups in {hub}."),
        ("place", "organisation"),
    ),
    Channel(RELAY, "Application", "{hub}", "Passes on everything public from {hub}."),
)

NAMES = frozenset(channel.name for channel in CHANNELS)

AUTHOR_OF = {kind: channel.name for channel in CHANNELS for kind in channel.entry_kinds}
