"""Pictures: decoded in a process of their own, without metadata, within bounds."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PIL import Image, PngImagePlugin

from hub.core.errors import Invalid, NotFound
from hub.core.services import Services
from hub.entries import pictures
from hub.entries.picture_worker import Refused, convert


@pytest.fixture
def services(tmp_path: Path) -> Services:
    fake = SimpleNamespace(
        media=tmp_path / "media", settings=SimpleNamespace(url="https://hub.example")
    )
    return cast(Services, fake)


def _bytes(picture: Image.Image, kind: str, **given: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **given)
    return out.getvalue()


def _photo(width: int = 200, height: int = 100) -> Image.Image:
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


async def test_d9_a_photo_is_kept_upright_small_and_without_metadata(services: Services) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "CANARY"
    exif.get_ifd(0x8825)[1] = "N"
    picture = await pictures.store(
        services, _bytes(_photo(4000, 2000), "JPEG", exif=exif), " Two  people\n"
    )
    assert (picture.width, picture.height) == (800, 1600)
    assert picture.alt == "Two people"
    assert picture.media_type == "image/webp"
    assert picture.url == f"https://hub.example/media/{picture.name}"
    data = pictures.path_of(services, picture.name or "").read_bytes()
    with Image.open(io.BytesIO(data)) as kept:
        assert kept.format == "WEBP"
        assert kept.size == (800, 1600)
        assert not dict(kept.getexif())
        assert "exif" not in kept.info
        assert "icc_profile" not in kept.info
    assert b"CANARY" not in data


async def test_the_same_picture_twice_is_one_file(services: Services) -> None:
    data = _bytes(_photo(), "PNG")
    first, second = (
        await pictures.store(services, data, "a"),
        await pictures.store(services, data, "b"),
    )
    assert first.name == second.name
    assert len(list(services.media.iterdir())) == 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_three_formats_are_taken(kind: str) -> None:
    told, data = convert(_bytes(_photo(), kind), 1600)
    assert told == {"width": 200, "height": 100, "media_type": "image/webp"}
    assert data.startswith(b"RIFF")


def test_transparency_stays() -> None:
    _, data = convert(_bytes(Image.new("RGBA", (10, 10), (255, 0, 0, 0)), "PNG"), 100)
    with Image.open(io.BytesIO(data)) as kept:
        assert kept.mode == "RGBA"


def test_d9_text_inside_a_picture_is_dropped() -> None:
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "CANARY")
    _, data = convert(_bytes(_photo(), "PNG", pnginfo=words), 100)
    assert b"CANARY" not in data


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO", "PPM", "TGA", "PDF"])
def test_f2_other_formats_are_refused(kind: str) -> None:
    with pytest.raises(Refused, match="JPEG, PNG or WebP"):
        convert(_bytes(_photo(64, 64), kind), 1600)


@pytest.mark.parametrize(
    "data", [b"", b"<svg onload=x/>", b"GIF89a", b"\xff\xd8\xff", b"RIFFxxxxWEBP"]
)
def test_f3_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        convert(data, 1600)


def test_f2_moving_pictures_are_refused() -> None:
    frames = [_photo(), _photo().rotate(90)]
    data = _bytes(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(Refused, match="Moving"):
        convert(data, 1600)


def test_f2_a_damaged_picture_is_refused() -> None:
    data = _bytes(_photo(800, 800), "PNG")
    with pytest.raises(Refused):
        convert(data[: len(data) // 2], 1600)


def test_f2_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    bomb = _bytes(Image.new("1", (30_000, 30_000)), "PNG")
    before = time.perf_counter()
    with pytest.raises(Refused, match="pixels"):
        convert(bomb, 1600)
    assert time.perf_counter() - before < 1


async def test_f3_a_polyglot_loses_its_other_half(services: Services) -> None:
    data = _bytes(_photo(), "JPEG") + b"<script>CANARY</script>"
    picture = await pictures.store(services, data, "x")
    assert b"CANARY" not in pictures.path_of(services, picture.name or "").read_bytes()


@pytest.mark.parametrize("data", [b"", b"junk"])
async def test_a_sender_is_told_what_is_wrong(services: Services, data: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        await pictures.store(services, data, "x")
    assert set(caught.value.fields) == {"image"}


@pytest.mark.parametrize("alt", ["", " \n"])
async def test_a_good_picture_without_words_is_not_taken(services: Services, alt: str) -> None:
    with pytest.raises(Invalid) as caught:
        await pictures.store(services, _bytes(_photo(), "PNG"), alt)
    assert set(caught.value.fields) == {"alt"}
    assert not services.media.exists()


async def test_a_file_over_ten_megabytes_is_refused_without_a_look(services: Services) -> None:
    with pytest.raises(Invalid, match="10 MB"):
        await pictures.store(services, b"\xff\xd8" + bytes(pictures.MAX_BYTES), "x")


@pytest.mark.parametrize(
    "name", ["../secret.key", "..%2f", "a.webp", "0" * 40, "/etc/passwd", "0" * 40 + ".webp\n", ""]
)
def test_f1_no_other_name_reaches_a_file(services: Services, name: str) -> None:
    services.media.mkdir()
    (services.media.parent / "secret.key").write_text("x")
    with pytest.raises(NotFound):
        pictures.path_of(services, name)


def test_a_copy_that_could_not_be_had_is_asked_for_again_a_day_later(tmp_path: Path) -> None:
    path = tmp_path / "x.webp"
    assert pictures._size_or_none(path) is None
    path.touch()
    assert pictures._size_or_none(path) == 0
    yesterday = time.time() - pictures.RETRY_S - 1
    os.utime(path, (yesterday, yesterday))
    assert pictures._size_or_none(path) is None
