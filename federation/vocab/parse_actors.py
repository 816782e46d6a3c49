"""Documents of actors to values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from federation.errors import MalformedDocument
from federation.vocab import parse_parts as parts
from federation.vocab import reading
from federation.vocab.actors import Actor, Capability

ALIAS_LIMIT: Final = 256
_USERNAME_LIMIT: Final = 128
_PEM_LIMIT: Final = 10_000
_DOMAIN_LIMIT: Final = 253
_LIST_LIMIT: Final = 50
_HANDLE: Final = re.compile(r"@?(?:acct:)?([^\s@/]+)@([^\s@/]+)")
_MULTIBASE: Final = re.compile(r"[zmufb][A-Za-z0-9+/=_-]{16,255}")

Document = Mapping[str, Any]


def actor(document: Document, kind: str) -> Actor:
    """Somebody with an inbox.

    Raises:
        MalformedDocument: it has no id or no inbox, or one that is no address.
    """
    uri, inbox = reading.own_id(document), reading.identity(document, "inbox")
    if uri is None or inbox is None:
        raise MalformedDocument("an actor without id or inbox")
    return Actor(
        type=kind,
        id=uri,
        inbox=inbox,
        **_names(document, uri),
        **_addresses(document),
        **_facts(document),
        **_keys(document, uri),
        source_type=reading.types_of(document),
    )


def _names(document: Document, uri: str) -> dict[str, Any]:
    stated = document.get("webfinger")
    handle = _HANDLE.fullmatch(stated[: reading.NAME_LIMIT]) if isinstance(stated, str) else None
    username = reading.text(document.get("preferredUsername"), _USERNAME_LIMIT)
    if username is None:
        # Lemmy's and Mobilizon's own actors have none; the host is what Mobilizon takes then.
        username = handle[1] if handle else uri.split("/")[2]
    return {
        "preferred_username": username,
        "webfinger": f"{handle[1]}@{handle[2]}" if handle else None,
        "name": reading.name_of(document),
        "summary": reading.summary_of(document),
        "url": reading.page_url(document.get("url")),
    }


def _addresses(document: Document) -> dict[str, Any]:
    endpoints = document.get("endpoints")
    shared = endpoints.get("sharedInbox") if isinstance(endpoints, dict) else None
    return {
        "outbox": reading.uri(document.get("outbox")),
        "followers": reading.uri(document.get("followers")),
        "following": reading.uri(document.get("following")),
        "featured": reading.uri(document.get("featured")),
        "upcoming": reading.uri(document.get("upcomingEvents")),
        "shared_inbox": reading.uri(shared),
        "also_known_as": reading.uris(document.get("alsoKnownAs"), ALIAS_LIMIT),
        "moved_to": reading.uri(document.get("movedTo")),
    }


def _facts(document: Document) -> dict[str, Any]:
    return {
        "manually_approves": reading.flag(document.get("manuallyApprovesFollowers")),
        "discoverable": reading.flag(document.get("discoverable")),
        "indexable": reading.flag(document.get("indexable")),
        "attribution_domains": _domains(document.get("attributionDomains")),
        "published": reading.moment(document.get("published")),
        "updated": reading.moment(document.get("updated")),
        "icon": parts.picture(document.get("icon")),
        "image": parts.picture(document.get("image")),
        "fields": parts.fields(document),
        "tags": parts.tags(document),
        "location": parts.place(document.get("location")),
        **_capabilities(document),
    }


def _domains(value: object) -> tuple[str, ...]:
    found = (reading.text(one, _DOMAIN_LIMIT) for one in reading.items(value)[:_LIST_LIMIT])
    return tuple(one for one in found if one)


def _capabilities(document: Document) -> dict[str, Any]:
    generator = document.get("generator")
    stated = document.get("implements")
    if isinstance(generator, dict) and stated is None:
        stated = generator.get("implements")
    found = (_capability(one) for one in reading.items(stated)[:_LIST_LIMIT])
    return {
        "generator": reading.uri(generator),
        "implements": tuple(one for one in found if one is not None),
    }


def _capability(value: object) -> Capability | None:
    target = reading.member(value, "href", "id") if isinstance(value, dict) else value
    if not isinstance(target, str) or not reading.is_uri(target):
        return None
    name = reading.name_of(value) if isinstance(value, dict) else None
    return Capability(href=target, name=name or target)


def _keys(document: Document, uri: str) -> dict[str, Any]:
    rsa = [one for one in reading.items(document.get("publicKey")) if isinstance(one, dict)]
    pems = (one.get("publicKeyPem") for one in rsa if one.get("owner", uri) == uri)
    multikeys = [
        one for one in reading.items(document.get("assertionMethod")) if isinstance(one, dict)
    ]
    multibases = (one.get("publicKeyMultibase") for one in multikeys)
    return {
        "public_key_pem": next((one for one in pems if _is_pem(one)), None),
        "ed25519_multibase": next((one for one in multibases if _is_multibase(one)), None),
    }


def _is_pem(value: object) -> bool:
    good = isinstance(value, str) and value.isascii() and "\0" not in value
    return good and isinstance(value, str) and len(value) <= _PEM_LIMIT


def _is_multibase(value: object) -> bool:
    return isinstance(value, str) and _MULTIBASE.fullmatch(value) is not None
