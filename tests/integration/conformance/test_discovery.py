"""PROTOCOL §1: what others find when they look for a hub, its actors and its objects."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import defusedxml.ElementTree
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import func, select, update

from federation.signatures.keys import keys_of_actor
from federation.testing import Wire
from hub.actors.channels import CHANNELS
from hub.actors.models import Actor
from hub.core.clock import now
from tests.conftest import Running, started
from tests.integration.conformance.peer import ACTIVITY, AS2, BROWSER, LD, Document

FINGER = "/.well-known/webfinger"
NAMES = [channel.name for channel in CHANNELS]
HOME = "https://hub.example"


async def _finger(hub: Running, resource: str | None) -> Any:
    return await hub.web.get(FINGER, params={} if resource is None else {"resource": resource})


async def _delete(hub: Running, name: str) -> None:
    async with hub.services.db.write() as session:
        await session.execute(update(Actor).where(Actor.name == name).values(deleted_at=now()))
    hub.hub.site.forget()


def _self(document: Document) -> Document:
    (link,) = [each for each in document["links"] if each["rel"] == "self"]
    found: Document = link
    return found


@pytest.mark.parametrize("name", NAMES)
async def test_ap_01_webfinger_links_the_actor(hub: Running, name: str) -> None:
    answer = await _finger(hub, f"acct:{name}@hub.example")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/jrd+json")
    document = answer.json()
    assert document["subject"] == f"acct:{name}@hub.example"
    link = _self(document)
    assert link["type"] == "application/activity+json"
    actor = (await hub.web.get(link["href"], headers=ACTIVITY)).json()
    assert actor["id"] == link["href"] == f"{HOME}/actors/{name}"
    assert actor["webfinger"] == f"{name}@hub.example"


@pytest.mark.parametrize(
    "resource",
    [
        "acct:events@hub.example",
        "acct:EVENTS@HUB.Example",
        "acct:events%40hub.example",
        "acct:events@hub.example:443",
        "@events@hub.example",
        "https://hub.example/actors/events",
        "https://HUB.example:443/actors/events",
        "https://hub.example/@events",
        "https://hub.example/@Events",
    ],
)
async def test_ap_02_webfinger_resolves_every_name_of_an_actor(hub: Running, resource: str) -> None:
    document = (await _finger(hub, resource)).json()
    assert document["subject"] == "acct:events@hub.example"
    assert _self(document)["href"] == f"{HOME}/actors/events"


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ("acct:nobody@hub.example", 404),
        ("https://hub.example/actors/nobody", 404),
        ("https://hub.example/@nobody", 404),
        ("https://hub.example/events", 404),
        ("https://hub.example/actors/events/inbox", 404),
        ("acct:events@other.example", 404),
        ("acct:events@hub.example:8443", 404),
        ("acct:events@hub.example.other.example", 404),
        ("https://other.example/actors/events", 404),
        ("https://other.example/", 404),
        ("nonsense", 400),
        ("acct:@hub.example", 400),
        ("", 400),
        (None, 400),
    ],
)
async def test_ap_02_webfinger_says_why_not(
    hub: Running, resource: str | None, status: int
) -> None:
    assert (await _finger(hub, resource)).status_code == status


@pytest.mark.parametrize(
    "resource", ["acct:news@hub.example", f"{HOME}/actors/news", f"{HOME}/@news"]
)
async def test_ap_02_a_deleted_actor_is_gone(hub: Running, resource: str) -> None:
    assert (await hub.web.get("/actors/news", headers=ACTIVITY)).status_code == 200
    await _delete(hub, "news")
    assert (await _finger(hub, resource)).status_code == 410
    answer = await hub.web.get("/actors/news", headers=ACTIVITY)
    assert answer.status_code == 410
    assert answer.json()["type"] == "Tombstone"
    assert answer.json()["id"] == f"{HOME}/actors/news"
    assert (await hub.web.get("/actors/news/outbox", headers=ACTIVITY)).status_code == 404
    assert (await hub.web.get("/@news", headers=BROWSER)).status_code == 410


async def test_ap_03_whatever_webfinger_answers_may_be_read_anywhere(hub: Running) -> None:
    for resource in ("acct:events@hub.example", "acct:nobody@hub.example", "nonsense", None):
        answer = await _finger(hub, resource)
        assert answer.headers["Access-Control-Allow-Origin"] == "*", answer.status_code
    await _delete(hub, "news")
    gone = await _finger(hub, "acct:news@hub.example")
    assert (gone.status_code, gone.headers["Access-Control-Allow-Origin"]) == (410, "*")


async def test_ap_03_host_meta_gives_the_template(hub: Running) -> None:
    answer = await hub.web.get("/.well-known/host-meta")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/xrd+xml")
    (link,) = defusedxml.ElementTree.fromstring(answer.text)
    assert link.tag == "{http://docs.oasis-open.org/ns/xri/xrd-1.0}Link"
    assert link.get("rel") == "lrdd"
    template = link.get("template")
    assert template == f"{HOME}{FINGER}?resource={{uri}}"
    found = await hub.web.get(template.replace("{uri}", "acct:events@hub.example"))
    assert found.json()["subject"] == "acct:events@hub.example"


@pytest.mark.parametrize("root", ["https://hub.example/", "https://hub.example"])
async def test_ap_04_the_root_is_the_servers_own_actor(hub: Running, root: str) -> None:
    document = (await _finger(hub, root)).json()
    href = _self(document)["href"]
    assert {"rel": f"{AS2}#Service", "type": "application/activity+json", "href": href} in (
        document["links"]
    )
    answer = await hub.web.get(href, headers=ACTIVITY)  # without a signature
    assert answer.status_code == 200
    actor = answer.json()
    assert (actor["id"], actor["type"]) == (f"{HOME}/actors/relay", "Application")
    assert actor["preferredUsername"] == "relay"


@pytest.mark.parametrize("version", ["2.0", "2.1"])
async def test_ap_05_nodeinfo_is_what_its_schema_says(hub: Running, version: str) -> None:
    index = await hub.web.get("/.well-known/nodeinfo")
    assert index.headers["Content-Type"].partition(";")[0] == "application/json"
    links = {each["rel"]: each["href"] for each in index.json()["links"]}
    schema = "http://nodeinfo.diaspora.software/ns/schema"
    assert set(links) == {f"{schema}/2.0", f"{schema}/2.1", f"{AS2}#Application"}
    assert links[f"{AS2}#Application"] == f"{HOME}/actors/relay"
    answer = await hub.web.get(links[f"{schema}/{version}"])
    assert answer.status_code == 200
    kind, _, profile = answer.headers["Content-Type"].partition(";")
    assert kind == "application/json"
    assert f'profile="{schema}/{version}#"' in profile
    _check_nodeinfo(answer.json(), version)
    assert (await hub.web.get("/nodeinfo/3.0")).status_code == 404


def _check_nodeinfo(document: Document, version: str) -> None:
    """What the JSON schemas of NodeInfo 2.0 and 2.1 demand; they allow no member more."""
    assert set(document) == {
        "version", "software", "protocols", "services", "openRegistrations", "usage", "metadata",
    }  # fmt: skip
    assert document["version"] == version
    software = document["software"]
    more = {"repository", "homepage"} if version == "2.1" else set()
    assert {"name", "version"} <= set(software) <= {"name", "version", *more}
    assert re.fullmatch("[a-z0-9-]+", software["name"])
    assert isinstance(software["version"], str)
    assert document["protocols"] == ["activitypub"]
    assert document["services"] == {"inbound": [], "outbound": []}
    assert isinstance(document["openRegistrations"], bool)
    usage = document["usage"]
    assert set(usage) <= {"users", "localPosts", "localComments"}
    assert set(usage["users"]) <= {"total", "activeHalfyear", "activeMonth"}
    counts = [*usage["users"].values(), usage["localPosts"], usage["localComments"]]
    assert all(type(count) is int and count >= 0 for count in counts)
    assert isinstance(document["metadata"], dict)


async def test_ap_06_names_are_plain_and_never_given_again(hub: Running) -> None:
    async def names(running: Running) -> dict[str, str]:
        async with running.services.db.read() as session:
            rows = await session.execute(select(Actor.name, Actor.uri).where(Actor.local))
            return dict(rows.all())

    before = await names(hub)
    assert len(before) == len(NAMES)
    for name in before:
        assert re.fullmatch("[a-z0-9_]{1,30}", name), name
    await _delete(hub, "news")
    async with started(hub.services.settings, Wire()) as again:
        assert await names(again) == before
        assert (await _finger(again, "acct:news@hub.example")).status_code == 410
        async with again.services.db.read() as session:
            count = select(func.count()).select_from(Actor).where(Actor.local)
            assert await session.scalar(count) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
async def test_ap_07_an_actor_has_what_others_expect(hub: Running, name: str) -> None:
    actor = (await hub.web.get(f"/actors/{name}", headers=ACTIVITY)).json()
    assert isinstance(actor["type"], str)
    assert actor["type"] in {"Application", "Group", "Service"}
    assert AS2 in actor["@context"]
    uri = f"{HOME}/actors/{name}"
    assert actor["id"] == uri
    assert (actor["preferredUsername"], actor["webfinger"]) == (name, f"{name}@hub.example")
    assert actor["name"]
    assert actor["summary"].startswith("<p>")
    assert actor["url"] == f"{HOME}/@{name}"
    for member in ("inbox", "outbox", "followers", "following", "featured"):
        assert actor[member] == f"{uri}/{member}"
    assert ("upcomingEvents" in actor) == (name == "events")
    assert actor["endpoints"]["sharedInbox"] == f"{HOME}/inbox"
    assert actor["published"].endswith(("Z", "+00:00"))
    assert (actor["discoverable"], actor["indexable"]) == (True, True)
    assert actor["manuallyApprovesFollowers"] is False
    assert actor["attributionDomains"] == ["hub.example"]
    server = actor if name == "relay" else actor["generator"]
    assert server["id"] == f"{HOME}/actors/relay"
    (done,) = server["implements"]
    assert done["name"] == "RFC 9421"
    assert (actor["icon"]["type"], actor["icon"]["mediaType"]) == ("Image", "image/png")
    for there in ("outbox", "followers", "following", "featured"):
        assert (await hub.web.get(actor[there], headers=ACTIVITY)).status_code == 200, there
    for there in (actor["url"], actor["icon"]["url"]):
        assert (await hub.web.get(there, headers=BROWSER)).status_code == 200, there


@pytest.mark.parametrize("name", NAMES)
async def test_ap_07_an_actor_has_two_good_keys(hub: Running, name: str) -> None:
    actor = (await hub.web.get(f"/actors/{name}", headers=ACTIVITY)).json()
    assert actor["publicKey"]["owner"] == actor["id"]
    assert actor["publicKey"]["id"].startswith(f"{actor['id']}#")
    pem = actor["publicKey"]["publicKeyPem"]
    assert pem.startswith("-----BEGIN PUBLIC KEY-----")
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, RSAPublicKey)
    assert key.key_size >= 2048
    (multikey,) = actor["assertionMethod"]
    assert (multikey["type"], multikey["controller"]) == ("Multikey", actor["id"])
    assert multikey["publicKeyMultibase"].startswith("z6Mk")
    (found,) = keys_of_actor(actor, ("assertionMethod",))
    assert isinstance(found.material, Ed25519PublicKey)
    assert found.id != actor["publicKey"]["id"]


async def test_ap_07_no_two_actors_share_a_key(hub: Running) -> None:
    keys = [
        (await hub.web.get(f"/actors/{name}", headers=LD)).json()["assertionMethod"][0]
        for name in NAMES
    ]
    assert len({key["publicKeyMultibase"] for key in keys}) == len(NAMES)
    assert {urlsplit(key["id"]).path for key in keys} == {f"/actors/{name}" for name in NAMES}
