"""What is said to `hub setup`: the first settings, from a terminal or a script."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from hub.core.errors import CommandFailed, Invalid
from hub.core.files import write_whole
from hub.core.services import Services
from hub.core.settings import Settings
from hub.setup import choices, chosen
from hub.setup.spots import spot

FILE: Final = "hub.env"
URL: Final = "HUB_URL"
QUESTIONS: Final = {
    "url": "Its address, such as https://hub.example",
    "name": "What is the hub called?",
    "area": "What is the neighbourhood called?",
    "near": "Its middle: two numbers, or the address of a map that shows it",
    "language": "Its main language, such as en",
    "contact": "How are you reached? An e-mail or web address",
}


def look(name: str, entered: str) -> str:
    """One answer as it is to be taken, before anything is kept; names are those of `take`.

    Raises:
        CommandFailed: it makes no sense.
    """
    try:
        if name == "url":
            return _address(entered)
        if name == "near":
            spot(entered)
        else:
            choices.settled(Settings(_env_file=None), {name: entered})
    except Invalid as error:
        raise CommandFailed(next(iter(error.fields.values()), str(error))) from None
    return entered


async def take(services: Services, said: dict[str, Any]) -> list[str]:
    """Let the answers hold; sentences about what became of them.

    `said` holds settings by their names, `near` for the middle of the neighbourhood, and `url`.

    Raises:
        CommandFailed: one of them makes no sense, or is fixed by the environment; nothing is kept.
    """
    values = {name: value for name, value in said.items() if name in choices.CHOICES}
    held = sorted(choices.fixed() & set(values))
    if held:
        names = ", ".join(f"HUB_{name.upper()}" for name in held)
        raise CommandFailed(f"Set in the environment, and changed only there: {names}.")
    try:
        if "near" in said:
            values["latitude"], values["longitude"] = spot(said["near"])
        url = _url(services.given, said["url"]) if "url" in said else None
        _, differing = await chosen.change(services, values)
    except Invalid as error:
        told = " ".join(dict.fromkeys(f"{name}: {why}" for name, why in error.fields.items()))
        raise CommandFailed(told or str(error)) from None
    lines = [f"Changed: {', '.join(differing)}."] if differing else []
    if url is not None:
        _note(services.given.data_dir / FILE, f"{URL}={url}")
        lines.append(f"The address will be {url} once the hub is started anew.")
    return lines


def _url(given: Settings, entered: str) -> str | None:
    """The hub's new address; None if it has that one.

    Raises:
        CommandFailed: it is none, or the environment says another.
    """
    url = _address(entered)
    if url == given.url:
        return None
    if os.environ.get(URL):
        raise CommandFailed(f"{URL} is set in the environment, and changed only there.")
    return url


def _address(entered: str) -> str:
    """An address; a name alone, as one says it, means https.

    Raises:
        CommandFailed: it is none.
    """
    is_name = "." in entered and "://" not in entered
    try:
        return Settings(_env_file=None, url=f"https://{entered}" if is_name else entered).url
    except ValidationError as error:
        raise CommandFailed(f"The address {error.errors()[0]['msg'][13:]}.") from None


def _note(path: Path, line: str) -> None:
    """Put a setting into a file of settings, in the place of the one that was there."""
    name = line.partition("=")[0]
    before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [each for each in before if each.partition("=")[0].strip() != name]
    write_whole(path, "\n".join([*kept, line, ""]).encode())
    path.chmod(0o600)
