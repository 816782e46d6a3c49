"""The look of a hub: a hue and a logo that stewards choose, on pages, icons and in letters."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx2
import pytest
from PIL import Image

from hub.core.look import brand, look_of
from tests.conftest import MakeHub, Running
from tests.mailserver import mail_server
from tests.visitor import Visitor, visiting

PAGE = "/admin/look"


def _picture(kind: str = "PNG", size: tuple[int, int] = (900, 300)) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA" if kind == "PNG" else "RGB", size, "rebeccapurple").save(out, kind)
    return out.getvalue()


async def _send(steward: Visitor, logo: bytes | None = None, **fields: Any) -> httpx2.Response:
    page = await steward.get(PAGE)
    token = page.text.partition('name="csrf" value="')[2][:64]
    files = {"logo": ("logo.png", logo or b"", "image/png")}
    return await steward.web.post(
        PAGE,
        data={"csrf": token, "hue": "42", **fields},
        files=files,
        headers={"accept": "text/html"},
    )


async def _shown(hub: Running, path: str) -> Image.Image:
    answer = await hub.web.get(path)
    assert answer.status_code == 200, path
    assert answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.content))


async def test_the_hue_is_everywhere_at_once_and_stays(hub: Running) -> None:
    before = (await hub.web.get("/theme.css")).text
    assert "--hue:42;" in before
    home = (await hub.web.get("/", headers={"accept": "text/html"})).text
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        assert (await _send(steward, hue="42", preset="150")).status_code == 303
        assert (await _send(steward, hue="many")).status_code == 422
    assert "--hue:150;" in (await hub.web.get("/theme.css")).text
    again = (await hub.web.get("/", headers={"accept": "text/html"})).text
    version = look_of(hub.services.settings).version
    assert f"/theme.css?v={version}" in again
    assert version not in home
    manifest = json.loads((await hub.web.get("/manifest.webmanifest")).content)
    assert manifest["theme_color"] == look_of(hub.services.settings).colour
    icon = await _shown(hub, manifest["icons"][0]["src"])
    assert icon.size == (192, 192)
    assert icon.convert("RGB").getpixel((2, 2)) == brand(150)


async def test_a_logo_is_made_anew_and_taken_away_again(hub: Running) -> None:
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        assert (await hub.web.get("/icons/logo.png")).status_code == 404
        sent = _picture("JPEG") + b"<script>"
        assert (await _send(steward, sent)).status_code == 303
        logo = await _shown(hub, "/icons/logo.png")
        assert max(logo.size) <= 320
        assert b"<script>" not in (await hub.web.get("/icons/logo.png")).content
        home = await steward.get("/")
        assert 'class="logo"' in home.text
        assert 'class="mark"' not in home.text
        for size in (32, 180, 192, 512):
            icon = await _shown(hub, f"/icons/hub-{size}.png")
            assert icon.size == (size, size)
            assert icon.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
        masked = await _shown(hub, "/icons/hub-512-mask.png")
        assert masked.convert("RGB").getpixel((60, 256)) == (255, 255, 255)
        refused = await _send(steward, b"<svg onload=alert(1)>")
        assert refused.status_code == 422
        assert "Please send JPEG, PNG or WebP" in refused.text
        assert (await _send(steward, logo_away="yes")).status_code == 303
    assert (await hub.web.get("/icons/logo.png")).status_code == 404
    folder = hub.services.media / "look"
    assert [path.name for path in folder.iterdir()] == ["look.json"]


@pytest.mark.parametrize("role", ["member", "moderator", ""])
async def test_only_stewards_change_the_look(hub: Running, role: str) -> None:
    async with visiting(hub) as somebody:
        if role:
            await somebody.sign_in(role)
        assert (await somebody.get(PAGE)).status_code == (403 if role else 401)
        answer = await somebody.web.post(PAGE, data={"hue": "1"}, headers={"accept": "text/html"})
        assert answer.status_code == (403 if role else 401)
    assert look_of(hub.services.settings).hue == 42


async def test_letters_bear_the_logo_and_ask_nobody_for_it(make_hub: MakeHub) -> None:
    with mail_server() as server:
        hub = await make_hub(smtp_url=server.url)
        async with visiting(hub) as steward:
            await steward.sign_in("steward")
            await _send(steward, _picture(), hue="240")
        async with visiting(hub) as eve:
            await eve.press("/sign-in", email="eve@mail.example")
        await hub.work()
        (letter,) = server.to("eve@mail.example")
    kinds = [part.get_content_type() for part in letter.walk()]
    assert kinds == [
        *("multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png")
    ]
    html = letter.get_body(("html",))
    assert html is not None
    text = html.get_content()
    cid = next(part["Content-ID"] for part in letter.walk() if part["Content-ID"])
    assert f'src="cid:{cid.strip("<>")}"' in text
    assert look_of(hub.services.settings).colour in text
    assert 'src="http' not in text


async def test_a_choice_of_display_is_kept_and_a_wrong_one_is_none(hub: Running) -> None:
    assert 'dir="ltr">' in (await hub.web.get("/about")).text
    chosen = {"text": "huge", "layout": "plain", "theme": "dark", "back": "/about"}
    answer = await hub.web.post("/display", data=chosen)
    assert (answer.status_code, answer.headers["location"]) == (303, "/about")
    assert "hub-display=huge.plain.dark" in answer.headers["set-cookie"]
    page = await hub.web.get("/about", headers={"cookie": _cookie(answer)})
    marks = 'data-text="huge" data-layout="plain" data-theme="dark">'
    assert marks in page.text
    wrong = await hub.web.get("/about", headers={"cookie": _cookie(answer, '"><script>.x.y')})
    assert 'dir="ltr">' in wrong.text
    elsewhere = await hub.web.post("/display", data={**chosen, "back": "//evil.example"})
    assert elsewhere.headers["location"] == "/"
    foreign = await hub.web.post("/display", data=chosen, headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
    assert "set-cookie" not in foreign.headers


def _cookie(answer: httpx2.Response, value: str = "huge.plain.dark") -> str:
    name = answer.headers["set-cookie"].partition("=")[0]
    return f"{name}={value}"


async def test_only_pages_for_everybody_bear_the_mark_to_be_kept(hub: Running) -> None:
    html = {"accept": "text/html"}
    kept = ("/", "/events?view=week", "/swap", "/news", "/about", "/offline")
    not_kept = ("/post/want", "/sign-in", "/more", "/search", "/display", "/events?said=deleted")
    for path in kept:
        assert (await hub.web.get(path, headers=html)).headers.get("x-offline") == "yes", path
    for path in not_kept:
        assert "x-offline" not in (await hub.web.get(path, headers=html)).headers, path
    async with visiting(hub) as member:
        await member.sign_in("member")
        for path in (*kept, *not_kept):
            assert "x-offline" not in (await member.get(path)).headers, path
    for path in kept:
        headers = {**html, **hub.steward}
        assert "x-offline" not in (await hub.web.get(path, headers=headers)).headers, path
