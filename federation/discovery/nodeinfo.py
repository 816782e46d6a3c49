"""What a server says of itself: NodeInfo 2.0 and 2.1 (FEP-f1d5, FEP-0151, FEP-2677).

All of it is a claim: nothing that a peer can do is derived from here, only shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from federation.errors import MalformedDocument, Unreachable
from federation.fetching import AS2, Fetcher

SCHEMA = "http://nodeinfo.diaspora.software/ns/schema/"
APPLICATION = f"{AS2}#Application"
VERSIONS = ("2.1", "2.0")
_READABLE = ("2.1", "2.0", "1.1", "1.0")
MAX_TEXT = 200
MAX_COUNT = 2**53


class Facts(Protocol):
    """What a server publishes of itself; counts are of local people and posts."""

    @property
    def version(self) -> str:
        """The version of the software."""

    @property
    def users(self) -> int:
        """How many people have an account."""

    @property
    def active_month(self) -> int:
        """How many of them were here in the last 30 days."""

    @property
    def active_half_year(self) -> int:
        """How many of them were here in the last 180 days."""

    @property
    def local_posts(self) -> int:
        """How many things were published here."""

    @property
    def local_comments(self) -> int:
        """How many replies were written here."""

    @property
    def open_registrations(self) -> bool:
        """Whether anybody may open an account."""

    @property
    def name(self) -> str:
        """The name of this server."""

    @property
    def description(self) -> str:
        """What it is for."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Anything else."""


def content_type(version: str) -> str:
    """The media type of a NodeInfo document (NodeInfo protocol, section 3)."""
    return f'application/json; profile="{SCHEMA}{version}#"; charset=utf-8'


def well_known(home: str, instance_actor: str) -> dict[str, Any]:
    """Where the documents of the server at the origin `home` are, and its own actor.

    Mobilizon and Gancio find the actor that one follows here (FEP-2677).
    """
    links = [
        {"rel": f"{SCHEMA}{version}", "href": f"{home}/nodeinfo/{version}"} for version in VERSIONS
    ]
    return {"links": [*links, {"rel": APPLICATION, "href": instance_actor}]}


def document(
    facts: Facts,
    version: str,
    *,
    software: str,
    repository: str | None = None,
    homepage: str | None = None,
) -> dict[str, Any]:
    """NodeInfo of this server; `repository` and `homepage` exist in 2.1 only."""
    about = {"name": software, "version": facts.version}
    if version == "2.1":
        about |= {"repository": repository} if repository else {}
        about |= {"homepage": homepage} if homepage else {}
    return {
        "version": version,
        "software": about,
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": facts.open_registrations,
        "usage": {
            "users": {
                "total": facts.users,
                "activeMonth": facts.active_month,
                "activeHalfyear": facts.active_half_year,
            },
            "localPosts": facts.local_posts,
            "localComments": facts.local_comments,
        },
        "metadata": {
            "nodeName": facts.name,
            "nodeDescription": facts.description,
            **facts.metadata,
        },
    }


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What a peer says of itself; None is what it does not say.

    `instance_actor` is the id of its Application actor (FEP-2677).
    """

    software: str | None = None
    version: str | None = None
    name: str | None = None
    protocols: tuple[str, ...] = ()
    open_registrations: bool | None = None
    users: int | None = None
    local_posts: int | None = None
    instance_actor: str | None = None


async def read(fetcher: Fetcher, host: str) -> NodeInfo:
    """NodeInfo of the server at the authority `host`.

    Raises:
        BadUrl, ForbiddenAddress: not a server that we may ask.
        Unreachable, UnexpectedAnswer, Gone, TooLarge: it does not answer usefully.
        MalformedDocument: what it says is no NodeInfo.
    """
    links = _links(await _index(fetcher, host))
    actor = links.get(APPLICATION)
    for version in _READABLE:
        href = links.get(f"{SCHEMA}{version}")
        if href is not None:
            return _node_info(await fetcher.fetch_json(href, "application/json"), actor)
    if actor is None:
        raise MalformedDocument("no NodeInfo of a version that we know")
    return NodeInfo(instance_actor=actor)


async def _index(fetcher: Fetcher, host: str) -> dict[str, Any]:
    """The list of documents; by plain http only where the guard allows that."""
    path = f"{host}/.well-known/nodeinfo"
    try:
        return await fetcher.fetch_json(f"https://{path}", "application/json")
    except Unreachable:
        if not fetcher.guard.allow_http:
            raise
    return await fetcher.fetch_json(f"http://{path}", "application/json")


def _links(index: dict[str, Any]) -> dict[str, str]:
    """Addresses by relation; the first of each counts."""
    found: dict[str, str] = {}
    links = index.get("links")
    # Some servers have one link in place of a list of one.
    for link in links if isinstance(links, list) else [links]:
        if isinstance(link, dict):
            rel, href = link.get("rel"), link.get("href")
            if isinstance(rel, str) and isinstance(href, str):
                found.setdefault(rel, href)
    return found


def _node_info(answer: dict[str, Any], actor: str | None) -> NodeInfo:
    software, usage = _mapping(answer.get("software")), _mapping(answer.get("usage"))
    protocols = answer.get("protocols")
    registrations = answer.get("openRegistrations")
    return NodeInfo(
        software=_text(software.get("name")),
        version=_text(software.get("version")),
        name=_text(_mapping(answer.get("metadata")).get("nodeName")),
        protocols=tuple(p[:MAX_TEXT] for p in protocols[:20] if isinstance(p, str))
        if isinstance(protocols, list)
        else (),
        open_registrations=registrations if isinstance(registrations, bool) else None,
        users=_count(_mapping(usage.get("users")).get("total")),
        local_posts=_count(usage.get("localPosts")),
        instance_actor=actor,
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value[:MAX_TEXT] if isinstance(value, str) else None


def _count(value: object) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and isinstance(value, int) and 0 <= value <= MAX_COUNT else None
