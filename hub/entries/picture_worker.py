"""Decodes one picture in a process of its own, which may eat little and see nothing.

Decoders are where hostile bytes bite (SECURITY F2). This process gets the bytes on stdin and its
limits before it reads them; it gives back one line of JSON and the new picture, or a reason.

    python -m hub.entries.picture_worker LONGEST_SIDE WEBP|PNG
"""

from __future__ import annotations

import io
import json
import resource
import sys
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 25_000_000
MEMORY_BYTES = 768 * 1024 * 1024  # of addresses: what is mapped, not what is touched
CPU_SECONDS = 10
QUALITY = 80

REFUSED = 3  # exit code: not a picture that we take; the reason is on stdout


class Refused(Exception):
    """Not a picture that we take; the text is for its sender."""


def main() -> int:
    """Read, decode, shrink, write; the exit code says whether it worked."""
    limit()
    longest, kind = int(sys.argv[1]), sys.argv[2]
    try:
        told, data = convert(sys.stdin.buffer.read(), longest, kind)
    except Refused as error:
        sys.stdout.write(str(error))
        return REFUSED
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + data)
    return 0


def limit() -> None:
    """Bounds that the kernel keeps."""
    for what, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (value, value))


def convert(data: bytes, longest: int, kind: str = "WEBP") -> tuple[dict[str, int | str], bytes]:
    """Facts and bytes of the picture as we keep it: upright, small, without metadata.

    `kind` is WEBP, or PNG for what must stay sharp and be understood everywhere.

    Raises:
        Refused: it is not a picture that we take.
    """
    warnings.simplefilter("error")
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        upright = _decoded(picture, longest)
    except Refused:
        raise
    except UnidentifiedImageError as error:
        raise Refused(
            "This is not a picture that we take. Please send JPEG, PNG or WebP."
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise Refused("This picture has too many pixels. Please make it smaller.") from error
    except (OSError, ValueError, SyntaxError, EOFError, Warning, ArithmeticError) as error:
        raise Refused("This picture is damaged. Please save it again and retry.") from error
    out = io.BytesIO()
    if kind == "PNG":
        upright.save(out, "PNG", optimize=True)
    else:
        upright.save(out, "WEBP", quality=QUALITY, method=4)
    told: dict[str, int | str] = {
        "width": upright.width,
        "height": upright.height,
        "media_type": f"image/{kind.lower()}",
    }
    return told, out.getvalue()


def _decoded(picture: Image.Image, longest: int) -> Image.Image:
    if picture.width * picture.height > MAX_PIXELS:
        raise Refused("This picture has too many pixels. Please make it smaller.")
    # A JPEG of a phone may hold a second, smaller picture (MPO); the first is the picture.
    if picture.format in {"PNG", "WEBP"} and getattr(picture, "n_frames", 1) > 1:
        raise Refused("Moving pictures are not taken. Please send a still one.")
    picture.draft("RGB", (longest, longest))
    picture.load()
    picture.thumbnail((longest, longest))
    picture = ImageOps.exif_transpose(picture)
    has_alpha = "A" in picture.getbands() or "transparency" in picture.info
    pixels = picture.convert("RGBA" if has_alpha else "RGB")
    # A new picture of the same pixels: nothing but pixels comes along (SECURITY D9).
    clean = Image.new(pixels.mode, pixels.size)
    clean.paste(pixels)
    return clean


if __name__ == "__main__":
    sys.exit(main())
