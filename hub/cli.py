"""The command `hub`."""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Literal

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
keys = typer.Typer(no_args_is_help=True, help="The keys by which other servers know this hub.")
imports = typer.Typer(no_args_is_help=True, help="Take calendars and lists in.")
blocks = typer.Typer(no_args_is_help=True, help="What is said of servers, and whole lists of them.")
app.add_typer(tokens, name="token")
app.add_typer(imports, name="import")
app.add_typer(blocks, name="blocks")
maps = typer.Typer(no_args_is_help=True, help="The hub's own map.")
app.add_typer(maps, name="map")
app.add_typer(keys, name="keys")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Tell no follower.")]
Whole = Annotated[
    bool, typer.Option("--whole", help="All of it, not only what lies around the hub.")
]
Role = Literal["steward", "editor", "reader"]
ListStanding = Literal["blocked", "silenced", "allowed"]
Rows = Literal["csv", "places", "organisations"]  # csv: as they say themselves
Doubles = Annotated[
    Literal["skip", "merge", "add"],
    typer.Option(help="What to do with a place that is here already."),
]


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
    except BrokenPipeError:
        raise  # whoever reads has enough, as in `hub doctor | head`: typer ends quietly
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
def migrate(to: Annotated[str, typer.Option(metavar="NUMBER", help="Back to it.")] = "") -> None:
    """Bring the tables to what this version needs; or, the hub stopped, back for an older one."""
    _run(lambda settings: _serving().migrate(settings, to))


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
    given = {"url": url, "name": name, "area": area, "near": near}
    given |= {"language": language, "contact": contact}
    said = {key: value for key, value in given.items() if value is not None}
    if not (said or link or phrase or as_json) and sys.stdin.isatty() and sys.stdout.isatty():
        said = _questions()
    _ask("setup", as_json=as_json, link=link, words=phrase, said=said)


def _questions() -> dict[str, str]:
    """What was answered to each; all can be left out, and said later in the browser."""
    answers = importlib.import_module("hub.setup.answers")  # not before somebody is asked
    print("Six questions. Enter alone leaves a thing as it is; all can be changed in the browser.")
    said = {key: _answer(key, words, answers.look) for key, words in answers.QUESTIONS.items()}
    return {key: answer for key, answer in said.items() if answer}


def _answer(key: str, words: str, look: Callable[[str, str], str]) -> str:
    """What was answered, asked again until it makes sense; empty: it stays as it is."""
    while True:
        said = typer.prompt(words, default="", show_default=False, prompt_suffix="\n  ").strip()
        try:
            return look(key, said) if said else ""
        except HubError as error:
            print(f"  {error}")


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


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is empty or new.")],
    as_json: AsJson = False,
) -> None:
    """Write the whole hub down in open formats, readable without it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        print(f"{folder} is not empty. Name a new folder.", file=sys.stderr)
        raise typer.Exit(1)

    def there(line: dict[str, Any]) -> dict[str, Any]:
        if "row" not in line:
            return line
        made = Path(line["row"]["file"])
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with zipfile.ZipFile(made) as archive:
            archive.extractall(folder)  # it is our own
        made.unlink()
        return {"row": {"folder": str(folder)}, "text": f"All of it is in {folder}."}

    _ask("export", as_json=as_json, heard=there)


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
def move(
    url: Annotated[str, typer.Argument(metavar="NEW_URL", help="Such as https://new.example.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Move the hub to another address, followers and all; said again, how far it is."""
    _ask("move", url=url, dry_run=dry_run, as_json=as_json)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check everything, in plain words; exit 1 if something is wrong."""
    _ask("doctor", as_json=as_json)


@app.command()
def demo() -> None:
    """Fill the hub with a believable neighbourhood."""
    _ask("demo")


@app.command()
def close(
    day: Annotated[str, typer.Argument(metavar="[DAY]", help="The last day, 2031-05-17.")] = "",
    deletes: Annotated[
        bool, typer.Option("--delete", help="Then take everything back, here and elsewhere.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="It stays open; until that day.")] = False,
    as_json: AsJson = False,
) -> None:
    """Announce the day on which the hub closes; what is there can be read after it."""
    _ask("close", day=day, deletes=deletes, undo=undo, as_json=as_json)


@keys.command("rotate")
def keys_rotate() -> None:
    """Give all channels new keys, at once; other servers fetch them by themselves."""
    _ask("keys rotate")


@tokens.command("create")
def token_create(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    role: Annotated[Role, typer.Option(help="What it may do.")],
    as_json: AsJson = False,
) -> None:
    """Make a token for the API; it is the last line, shown once."""
    _ask("token create", as_json=as_json, name=name, role=role)


def _source(source: str) -> dict[str, Any]:
    """A file is read here, where its owner sits; an address is fetched by the hub."""
    if source.split(":", 1)[0].lower() in {"http", "https", "webcal", "webcals"}:
        return {"source": source}
    return _file(Path(source))


def _file(path: Path) -> dict[str, Any]:
    """A file by its name and its bytes, base64; exit 1 if it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        print(f"{path} cannot be read: {error.strerror}.", file=sys.stderr)
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
    source: Annotated[str, typer.Argument(help="A file (CSV, XLSX, ODS) or an address.")],
    rows: Annotated[
        Rows, typer.Option("--as", help="What its rows are, if they do not say so themselves.")
    ] = "csv",
    doubles: Doubles = "skip",
    dry_run: DryRun = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Offers and wants, or places and organisations, from a table."""
    given = {"dry_run": dry_run, "quiet": quiet, "doubles": doubles, **_source(source)}
    _ask("import", as_json=as_json, kind=rows, **given)


@imports.command("osm")
def import_osm(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".osm.pbf, .osm or .geojson.")],
    kinds: Annotated[
        str,
        typer.Option(
            help="These alone, with commas: groups, meeting, help, culture, learning, outdoors, "
            "sport, services, worship, health, food, shops; or tags, such as amenity=pub. "
            "Without it all but the last four."
        ),
    ] = "",
    whole: Whole = False,
    doubles: Doubles = "skip",
    dry_run: DryRun = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Places and organisations from an extract of OpenStreetMap."""
    given = {"dry_run": dry_run, "quiet": quiet, "doubles": doubles, **_file(file)}
    _ask("import osm", as_json=as_json, kinds=kinds, whole=whole, **given)


@imports.command("undo")
def import_undo(
    number: Annotated[str, typer.Argument(metavar="ID", help="The import's id.")],
) -> None:
    """Take a whole import back."""
    _ask("import undo", number=number)


@maps.command("build")
def map_build(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An extract, .osm.pbf.")],
    whole: Whole = False,
    as_json: AsJson = False,
) -> None:
    """Make the map and the search for addresses from an extract of OpenStreetMap."""
    making = importlib.import_module("hub.maps.making")

    async def work(settings: Settings) -> None:
        async for line in making.build(settings, file, whole=whole):
            _progress(line, as_json=as_json)

    _run(work)


def _progress(line: dict[str, Any], *, as_json: bool) -> None:
    """A line about long work; on a terminal each takes the place of the one before."""
    if sys.stdout.isatty() and not as_json:
        print(f"\r\033[K{line['text']}", end="\n" if "row" in line else "", flush=True)
    else:
        _print(line, as_json=as_json)


@app.command()
def follow(
    handle: Annotated[
        str | None,
        typer.Argument(help="Such as @events@other.example, or a whole hub: other.example."),
    ] = None,
    only: Annotated[str, typer.Option(help="Of whole hubs these alone, such as events,news.")] = "",
    listed: Annotated[
        Path | None, typer.Option("--list", help="A file that names hubs: lines, CSV or OPML.")
    ] = None,
    relay: Annotated[
        bool, typer.Option("--relay", help="It is a relay: its /inbox, or its actor.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Follow a channel of another hub, whole hubs, an account on another server, or a relay."""
    if (handle is None) == (listed is None):
        raise typer.BadParameter("Name a hub, or a list of hubs with --list.")
    text = handle if listed is None else _source(str(listed))["data"]
    many = listed is not None
    _ask("follow", names=text, listed=many, only=only, relay=relay, as_json=as_json)


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
def allow(
    host: Annotated[str, typer.Argument(help="The server's name.")],
    undo: Annotated[bool, typer.Option("--undo", help="It is as any other again.")] = False,
) -> None:
    """Hear a server at once, also where only listed ones are heard."""
    _ask("allow", host=host, undo=undo)


@blocks.command("list")
def list_blocks(as_json: AsJson = False) -> None:
    """List what is said of servers."""
    _ask("blocks list", as_json=as_json)


@blocks.command("import")
def import_blocks(
    file: Annotated[Path, typer.Argument(help="As Mastodon saves it, or a name on each line.")],
    standing: Annotated[
        ListStanding, typer.Option("--as", help="Where the list says only names, they are …")
    ] = "blocked",
    every: Annotated[
        bool, typer.Option("--all", help="Also what ends follows of ours, or lets in more.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take a list of servers in; each name with what that severs."""
    how = {"standing": standing, "every": every, "dry_run": dry_run, **_file(file)}
    _ask("blocks import", as_json=as_json, **how)


@blocks.command("export")
def export_blocks(
    allowed: Annotated[bool, typer.Option("--allowed", help="Those who are allowed.")] = False,
) -> None:
    """Print who is blocked or silenced, as Mastodon reads it."""
    _ask("blocks export", allowed=allowed)


@blocks.command("undo")
def undo_blocks(
    number: Annotated[str, typer.Argument(metavar="ID", help="The list's id.")],
    as_json: AsJson = False,
) -> None:
    """Take a whole list of servers back, within 30 days."""
    _ask("blocks undo", number=number, as_json=as_json)


@app.command()
def federation(
    mode: Annotated[
        str | None, typer.Argument(help="open, limited or allow-list; none: as it is.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Say how open the hub is, or open or close it."""
    _ask("federation", mode=mode, dry_run=dry_run, as_json=as_json)


@app.command()
def audit(
    deed: Annotated[str, typer.Option(help="Only this, such as server or role.")] = "",
    about: Annotated[str, typer.Option(help="Only about this server, person or thing.")] = "",
    most: Annotated[int, typer.Option(help="So many lines.", min=1, max=10_000)] = 100,
    verify: Annotated[
        bool, typer.Option("--verify", help="Say whether no line was changed or taken away.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List what stewards, moderators and commands did, the last first."""
    _ask("audit", deed=deed, about=about, most=most, verify=verify, as_json=as_json)


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
