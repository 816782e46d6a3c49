"""The command `hub`."""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from hub import __version__, asking
from hub.core.errors import HubError
from hub.core.settings import Settings, load_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Runs a neighbourhood hub and speaks to it.",
)
tokens = typer.Typer(no_args_is_help=True, help="Ways in for programs.")
imports = typer.Typer(no_args_is_help=True, help="Take calendars and lists in.")
app.add_typer(tokens, name="token")
app.add_typer(imports, name="import")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Tell no follower.")]


class Role(StrEnum):
    """What a token may do."""

    steward = "steward"
    editor = "editor"
    reader = "reader"


def main() -> None:
    """Run the command line; 0 done, 1 failed, 2 wrong usage."""
    app()


def _serving() -> Any:
    """The whole hub; it takes a second to import, and a running one makes that needless."""
    return importlib.import_module("hub.serving")


def _settings() -> Settings:
    try:
        return load_settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "HUB_" + str(problem["loc"][0]).upper()
            words = problem.get("ctx", {}).get("error") or problem["msg"]
            print(f"{name}: {words}.", file=sys.stderr)
        raise typer.Exit(1) from None


def _run(
    work: Callable[[Settings], Awaitable[None]], run: Callable[..., None] = asyncio.run
) -> None:
    settings = _settings()
    try:
        run(_awaited(work(settings)))
    except HubError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    except OSError as error:
        # The data folder, the socket, or a database that does not answer.
        print(f"The hub cannot work: {error}.", file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _ask(
    command: str,
    /,
    *,
    as_json: bool = False,
    heard: Callable[[dict[str, Any]], dict[str, Any]] = lambda line: line,
    **arguments: Any,
) -> None:
    """Let the running hub do it, or do it here when none runs; exit 1 if it fails.

    `heard` may do something about a line before it is printed.
    """

    async def work(settings: Settings) -> None:
        failed = False
        async for line in _lines(settings, command, arguments):
            failed = failed or "failed" in line
            _print(heard(line), as_json=as_json)
        if failed:
            raise typer.Exit(1)

    _run(work)


async def _lines(settings: Settings, command: str, arguments: dict[str, Any]) -> Any:
    try:
        async for line in asking.ask(settings.data_dir, command, arguments):
            yield line
    except (ConnectionError, FileNotFoundError):
        async for line in _serving().alone(settings, command, arguments):
            yield line


def _print(line: dict[str, Any], *, as_json: bool) -> None:
    if "failed" in line:
        print(line["failed"], file=sys.stderr)
    elif as_json and "row" in line:
        print(json.dumps(line["row"]), flush=True)
    elif "text" in line and not as_json:
        print(line["text"], flush=True)


@app.command()
def serve(
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Only the web server.")] = False,
) -> None:
    """Run the hub."""
    hub = _serving()
    _run(lambda settings: hub.serve(settings, with_worker=not no_worker), hub.run)


@app.command()
def work() -> None:
    """Run one more worker (PostgreSQL)."""
    hub = _serving()
    _run(hub.work, hub.run)


@app.command()
def migrate() -> None:
    """Bring the tables to what this version needs."""
    _run(_serving().upgrading.upgrade)


@app.command()
def setup(
    *,
    link: Annotated[bool, typer.Option("--link", help="Only a further link.")] = False,
    phrase: Annotated[bool, typer.Option("--phrase", help="Only a new recovery phrase.")] = False,
    url: Annotated[str | None, typer.Option(help="Its address: https://hub.example")] = None,
    name: Annotated[str | None, typer.Option(help="What the hub is called.")] = None,
    area: Annotated[str | None, typer.Option(help="What the neighbourhood is called.")] = None,
    near: Annotated[str | None, typer.Option(help="Its middle: 51.4545,-2.5879")] = None,
    language: Annotated[str | None, typer.Option(help="Main language, such as en.")] = None,
    contact: Annotated[str | None, typer.Option(help="How to reach the stewards.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask for the first settings, or take them, and print a link that makes a steward, once."""
    given = (url, name, area, near, language, contact)
    said = {key: value for key, value in zip(QUESTIONS, given, strict=True) if value is not None}
    if not (said or link or phrase or as_json) and sys.stdin.isatty() and sys.stdout.isatty():
        said = _questions()
    _ask("setup", as_json=as_json, link=link, words=phrase, said=said)


QUESTIONS = {
    "url": "Its address, such as https://hub.example",
    "name": "What is the hub called?",
    "area": "What is the neighbourhood called?",
    "near": "Its middle: two numbers, or the address of a map that shows it",
    "language": "Its main language, such as en",
    "contact": "How are you reached? An e-mail or web address",
}


def _questions() -> dict[str, str]:
    """What was answered to each; all can be left out, and said later in the browser."""
    print("Six questions. Enter alone leaves a thing as it is; all can be changed in the browser.")
    answers = {
        key: str(typer.prompt(words, default="", show_default=False, prompt_suffix="\n  ")).strip()
        for key, words in QUESTIONS.items()
    }
    return {key: answer for key, answer in answers.items() if answer}


@app.command()
def backup(
    file: Annotated[
        Path | None, typer.Argument(help="A file or folder; else DATA_DIR/backups.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Save the whole hub in one file, while it runs."""

    def there(line: dict[str, Any]) -> dict[str, Any]:
        if file is None or "row" not in line:
            return line
        target = str(_carried(Path(line["row"]["file"]), file))
        return {"row": {"file": target}, "text": target}

    _ask("backup", as_json=as_json, heard=there, carried=file is not None)


def _carried(made: Path, target: Path) -> Path:
    """Take a backup from where the hub may write to where its caller wants it; where that is."""
    if target.is_dir():
        target /= made.name.replace("carried-", "hub-")
    part = target.with_name(f"{target.name}.part")
    descriptor = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with made.open("rb") as source, os.fdopen(descriptor, "wb") as copy:
        shutil.copyfileobj(source, copy)
        copy.flush()
        os.fsync(copy.fileno())
    os.replace(part, target)
    made.unlink()
    return target


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `hub backup` made.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Where a hub lives already, only try it out.")
    ] = False,
    key_file: Annotated[
        Path | None, typer.Option(help="The file secret.key of the hub that was saved.")
    ] = None,
    phrase_file: Annotated[
        Path | None, typer.Option(help="A file with the recovery phrase.")
    ] = None,
) -> None:
    """Make the hub of a backup, in an empty place; every row is compared afterwards."""
    ask = (lambda: str(typer.prompt("Recovery phrase"))) if sys.stdin.isatty() else None

    async def work(settings: Settings) -> None:
        keys = {"key_file": key_file, "phrase_file": phrase_file, "ask": ask}
        _tell(await _serving().restore(settings, file, verify=verify, **keys))

    _run(work)


def _tell(done: Any) -> None:
    saved = done.manifest
    what = f"{done.rows} rows and {done.pictures} pictures of {saved.url}, saved at {saved.made_at}"
    if done.tried:
        print(f"The backup is good: {what}. It was only tried; the hub here is as it was.")
        return
    print(f"Restored and compared: {what}.")
    if not saved.media:
        print("Pictures are not in it: it was made before an upgrade, and they lie in media/.")
    if load_settings().url != saved.url:
        print(f"Set HUB_URL={saved.url} before you start it: others know it by that.")


@app.command("copy-db")
def copy_db(
    url: Annotated[str, typer.Argument(metavar="URL", help="postgresql://… or sqlite:///FILE")],
    as_json: AsJson = False,
) -> None:
    """Copy all rows into another, empty database, of either kind."""
    _ask("copy-db", url=url, as_json=as_json)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check everything, in plain words; exit 1 if something is wrong."""
    _ask("doctor", as_json=as_json)


@app.command()
def demo() -> None:
    """Fill the hub with a believable neighbourhood."""
    _ask("demo")


@tokens.command("create")
def token_create(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    role: Annotated[Role, typer.Option(help="What it may do.")],
    as_json: AsJson = False,
) -> None:
    """Make a token for the API; it is the last line, shown once."""
    _ask("token create", as_json=as_json, name=name, role=role.value)


def _source(source: str) -> dict[str, Any]:
    """A file is read here, where its owner sits; an address is fetched by the hub."""
    if source.split(":", 1)[0].lower() in {"http", "https", "webcal", "webcals"}:
        return {"source": source}
    path = Path(source)
    try:
        data = path.read_bytes()
    except OSError as error:
        print(f"{source} cannot be read: {error.strerror}.", file=sys.stderr)
        raise typer.Exit(1) from None
    return {"source": path.name, "data": base64.b64encode(data).decode()}


@imports.command("ics")
def import_ics(
    source: Annotated[str, typer.Argument(help="A file or an address.")],
    dry_run: DryRun = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Events from a calendar."""
    _ask("import", kind="ics", dry_run=dry_run, quiet=quiet, as_json=as_json, **_source(source))


@imports.command("csv")
def import_csv(
    source: Annotated[str, typer.Argument(help="A file or an address.")],
    dry_run: DryRun = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Offers and wants from a table."""
    _ask("import", kind="csv", dry_run=dry_run, quiet=quiet, as_json=as_json, **_source(source))


@imports.command("undo")
def import_undo(
    number: Annotated[str, typer.Argument(metavar="ID", help="The import's id.")],
) -> None:
    """Take a whole import back."""
    _ask("import undo", number=number)


@app.command()
def follow(handle: Annotated[str, typer.Argument(help="Such as @events@other.example.")]) -> None:
    """Follow a channel of another hub, or an account on another server."""
    _ask("follow", handle=handle)


@app.command()
def unfollow(handle: Annotated[str, typer.Argument(help="As it was followed.")]) -> None:
    """Follow it no more."""
    _ask("unfollow", handle=handle)


@app.command()
def block(
    host: Annotated[str, typer.Argument(help="The server's name.")],
    undo: Annotated[bool, typer.Option("--undo", help="Hear it again.")] = False,
    silence: Annotated[
        bool, typer.Option("--silence", help="Hear it, but show nothing that no steward passed.")
    ] = False,
) -> None:
    """Take nothing from a server, and send it nothing."""
    _ask("block", host=host, undo=undo, silence=silence)


@app.command()
def index() -> None:
    """Make the index that searches ask anew."""
    _ask("index")


@app.command()
def peers(as_json: AsJson = False) -> None:
    """List the servers that the hub knows, and how things stand with each."""
    _ask("peers", as_json=as_json)


@app.command()
def deliveries(
    host: Annotated[str | None, typer.Option(help="Only this server's.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try them all now.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what waits to be delivered."""
    _ask("deliveries", host=host, retry=retry, as_json=as_json)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)
