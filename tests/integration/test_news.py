"""News: with a picture that everybody can perceive, and that nobody in it minds."""

from __future__ import annotations

import base64
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy import update as sql_update

from federation.testing import MemorySite
from federation.vocab.activities import Create, Update
from federation.vocab.base import Attachment
from federation.vocab.names import PUBLIC
from federation.vocab.objects import Article as ArticleDocument
from hub.core.clock import now
from hub.fediverse import follows
from hub.fediverse.models import Follow
from hub.news.models import Consent
from tests import neighbours
from tests.conftest import MakeHub, Running, settle
from tests.unit.peers import mastodon

NEWS = {
    "title": "The fountain runs again",
    "description": "After **two years** it was mended.\n\nCome and see.",
    "tags": ["fountain"],
}
ACTIVITY = {"Accept": "application/activity+json"}


def _picture(colour: str = "#8a4") -> str:
    """A photograph with the place where it was taken, in base64."""
    file, taken = io.BytesIO(), Image.Exif()
    taken[0x010F] = "Secret Cameras"
    taken.get_ifd(0x8825)[1] = "N"
    Image.new("RGB", (1200, 800), colour).save(file, "JPEG", exif=taken)
    return base64.b64encode(file.getvalue()).decode()


async def _publish(hub: Running, status: int = 201, **more: Any) -> dict[str, Any]:
    answer = await hub.web.post("/api/v1/news", json={**NEWS, **more}, headers=hub.steward)
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def _consents(hub: Running) -> list[Consent]:
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(Consent).order_by(Consent.ticked_at)))


async def _followed_blog(hub: Running) -> MemorySite:
    """A blog whose author, ada, said yes to being followed."""
    site = MemorySite("https://blog.example", hub.wire, names=("relay", "ada"))
    await follows.follow(hub.services, "@ada@blog.example")
    await hub.work()
    async with hub.services.db.write() as session:
        await session.execute(sql_update(Follow).values(state=follows.ACCEPTED))
    return site


async def test_t20_news_with_a_photo_reach_everybody_and_harm_nobody(make_hub: MakeHub) -> None:
    hub: Running = await make_hub()
    # Without words for who cannot see it, and without consent, there is no photo.
    refused = await _publish(hub, 422, image={"data": _picture()}, consent=True)
    assert "alt" in str(refused)
    photo = {"data": _picture(), "alt": "Water leaps before a red house"}
    refused = await _publish(hub, 422, image=photo)
    assert "agreed" in str(refused)
    refused = await _publish(hub, 422, image=photo, consent=False)
    assert await _consents(hub) == []

    posted = await _publish(hub, image=photo, consent=True)
    (ticked,) = await _consents(hub)
    assert (ticked.name, ticked.entry_id.hex) == ("tests", posted["id"].replace("-", ""))
    assert abs((now() - ticked.ticked_at).total_seconds()) < 60

    # The picture is made anew: WebP, without the camera and the place.
    assert posted["image"]["alt"] == "Water leaps before a red house"
    kept = await hub.web.get(posted["image"]["url"])
    assert kept.headers["content-type"] == "image/webp"
    with Image.open(io.BytesIO(kept.content)) as shown:
        assert (shown.format, dict(shown.getexif())) == ("WEBP", {})
    assert b"Secret" not in kept.content

    # Elsewhere it is an Article that is understood without a click.
    served = (await hub.web.get(posted["uri"], headers=ACTIVITY)).json()
    assert served["type"] == "Article"
    assert served["content"].startswith("<p><strong>The fountain runs again</strong></p>")
    author = served["attributedTo"]
    said = {"id": f"{posted['uri']}#create", "type": "Create", "actor": author, "object": served}
    seen = mastodon.see({"@context": served["@context"], "to": [PUBLIC], "cc": [], **said})
    assert (seen.title, seen.text) == (
        NEWS["title"],
        "After two years it was mended. Come and see.",
    )
    assert seen.pictures == ((posted["image"]["url"], "Water leaps before a red house"),)
    assert posted["url"] in seen.links

    # Here it is a page, for readers of screens too; stewards see who ticked.
    page = await hub.web.get(posted["url"])
    assert 'alt="Water leaps before a red house"' in page.text
    assert "confirmed on" not in page.text
    for path in ("/news", "/", "/search?q=fountain", "/news.rss", "/@news"):
        assert "The fountain runs again" in (await hub.web.get(path)).text, path


async def test_another_picture_needs_its_own_consent(hub: Running) -> None:
    photo = {"data": _picture(), "alt": "A fountain"}
    posted = await _publish(hub, image=photo, consent=True)
    path = f"/api/v1/news/{posted['id']}"

    async def change(status: int, **changes: Any) -> None:
        answer = await hub.web.patch(path, json=changes, headers=hub.steward)
        assert answer.status_code == status, answer.text

    await change(200, title="The fountain works")
    await change(200, image={"id": posted["image"]["id"], "alt": "The old fountain"})
    assert len(await _consents(hub)) == 1
    other = {"data": _picture("#48a"), "alt": "Two children"}
    await change(422, image=other)
    await change(200, image=other, consent=True)
    first, second = await _consents(hub)
    assert first.picture != second.picture
    await change(200, image=None)
    assert (await hub.web.get(path)).json()["image"] is None
    # One that was uploaded elsewhere has no consent here.
    offer = {"title": "Bench", "kind": "item", "image": {"data": _picture("#222"), "alt": "Bench"}}
    bench = (await hub.web.post("/api/v1/offers", json=offer, headers=hub.steward)).json()
    await change(422, image=bench["image"]["id"])


async def test_news_need_a_text(hub: Running) -> None:
    refused = await _publish(hub, 422, description=" ")
    assert "write the text" in str(refused)


async def test_news_are_changed_and_taken_back_everywhere(hubs: tuple[Running, Running]) -> None:
    north, south = hubs
    await follows.follow(south.services, "@news@north.example")
    await settle(north, south)
    posted = await _publish(north, image={"data": _picture(), "alt": "A fountain"}, consent=True)
    await settle(north, south)
    (there,) = (await south.web.get("/api/v1/news")).json()["items"]
    assert (there["title"], there["uri"], there["origin"]) == (
        NEWS["title"],
        posted["uri"],
        "north.example",
    )
    assert there["summary"] == "After two years it was mended. Come and see."
    assert there["content"] == posted["content"]
    assert there["image"]["alt"] == "A fountain"
    path = f"/api/v1/news/{posted['id']}"
    await north.web.patch(path, json={"title": "It runs, and runs"}, headers=north.steward)
    await settle(north, south)
    (there,) = (await south.web.get("/api/v1/news", params={"q": "runs"})).json()["items"]
    assert there["title"] == "It runs, and runs"
    assert (await north.web.delete(path, headers=north.steward)).status_code == 204
    await settle(north, south)
    assert (await south.web.get("/api/v1/news")).json()["items"] == []
    gone = await north.web.get(posted["uri"], headers=ACTIVITY)
    assert (gone.status_code, gone.json()["formerType"]) == (410, "Article")


async def test_a_blog_that_is_followed_appears_among_the_news(hub: Running) -> None:
    site = await _followed_blog(hub)
    article = ArticleDocument(
        id="https://blog.example/posts/1",
        url="https://blog.example/2026/the-park",
        attributed_to=site.uri("ada"),
        name="The park is open",
        content="<h2>At last</h2><p>The gates <script>x</script>are open.</p>",
        published=datetime(2026, 5, 1, 12, tzinfo=UTC),
        to=(PUBLIC,),
        attachments=(
            Attachment(type="Image", url="https://blog.example/a.jpg", media_type="image/jpeg"),
        ),
    )
    create = Create(id=f"{article.id}#create", actor=site.uri("ada"), object=article, to=(PUBLIC,))
    await site.send("ada", create, f"{hub.url}/inbox")
    await hub.work()
    (item,) = (await hub.web.get("/api/v1/news")).json()["items"]
    assert (item["title"], item["summary"]) == ("The park is open", "At last The gates are open.")
    assert "<script" not in item["content"]
    page = await hub.web.get(f"/news/{item['id']}")
    assert page.status_code == 200
    assert "See the original" in page.text
    update = Update(
        id=f"{article.id}#update",
        actor=site.uri("ada"),
        object=ArticleDocument(
            id=article.id,
            attributed_to=site.uri("ada"),
            name="The park is closed",
            content="<p>Again.</p>",
            published=article.published,
            updated=datetime(2026, 5, 2, 12, tzinfo=UTC),
            to=(PUBLIC,),
        ),
        to=(PUBLIC,),
    )
    await site.send("ada", update, f"{hub.url}/inbox")
    await hub.work()
    (item,) = (await hub.web.get("/api/v1/news")).json()["items"]
    assert (item["title"], item["image"]) == ("The park is closed", None)


async def test_an_article_that_answers_something_is_no_news(hub: Running) -> None:
    site = await _followed_blog(hub)
    article = ArticleDocument(
        id="https://blog.example/posts/1",
        attributed_to=site.uri("ada"),
        name="Re: the park",
        in_reply_to="https://blog.example/posts/0",
        content="<p>No.</p>",
        to=(PUBLIC,),
    )
    create = Create(id=f"{article.id}#c", actor=site.uri("ada"), object=article, to=(PUBLIC,))
    await site.send("ada", create, f"{hub.url}/inbox")
    await hub.work()
    assert (await hub.web.get("/api/v1/news")).json()["items"] == []


@pytest.mark.parametrize("visibility", ["hub", "private"])
async def test_news_for_few_stay_here(hub: Running, visibility: str) -> None:
    posted = await _publish(hub, visibility=visibility)
    for path in ("/news", "/news.rss", "/news.json", "/", "/search?q=fountain", "/@news"):
        told = (await hub.web.get(path)).text
        for asked in ("q=fountain", "q%3Dfountain", "“fountain”", 'value="fountain"'):
            told = told.replace(asked, "")
        assert "fountain" not in told, path
    assert (await hub.web.get(posted["url"])).status_code == 404
    assert (await hub.web.get(posted["uri"], headers=ACTIVITY)).status_code == 404


async def test_news_are_changed_and_deleted_by_their_forms(hub: Running) -> None:
    """Their addresses are those of news alone: no other room's buttons stand before them."""
    ann = await neighbours.person(hub, "Ann")
    made = await neighbours.post(hub, "news", ann, title="The fountain", description="It runs.")
    form = {
        "title": "The fountain leaps",
        "description": "At last.",
        "visibility": "public",
        "chosen": "yes",
    }
    answer = await neighbours.press(hub, f"/news/{made['id']}/edit", ann, **form)
    assert (answer.status_code, answer.headers.get("location")) == (
        303,
        f"/news/{made['id']}?said=saved",
    )
    answer = await neighbours.press(hub, f"/news/{made['id']}/delete", ann)
    assert (answer.status_code, answer.headers.get("location")) == (303, "/news?said=deleted")
