"""A server on Fedify, as a test drives it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.interop import installing
from tests.interop.processes import free_port, running, until
from tests.interop.world import World

ANSWER_S = 30.0
Json = dict[str, Any]


@dataclass(frozen=True)
class Fedify:
    """The server; its people are @fred, @frida and @finn."""

    host: str
    pid: int
    control: httpx2.Client

    @property
    def fred(self) -> str:
        """The id of @fred."""
        return self.person("fred")

    @property
    def handle(self) -> str:
        """@fred, as people write it."""
        return f"@fred@{self.host}"

    def person(self, name: str) -> str:
        """The id of one of its actors."""
        return f"https://{self.host}/users/{name}"

    def act(self, who: str, kind: str, uri: str, inbox_of: str | None, **given: Any) -> str:
        """Have somebody do something to an object, told to an actor or to followers; its id."""
        words = {"as": who, "kind": kind, "object": uri, "inboxOf": inbox_of, **given}
        said: str = self.ask("act", **words)["id"]
        return said

    def ask(self, command: str, **given: Any) -> Any:
        """Have it do something; its answer."""
        answer = self.control.post(f"/{command}", json=given)
        found = answer.json()
        assert answer.status_code == 200, f"{command}: {found}"
        return found

    def received(self, kind: str, object_kind: str | None = None) -> list[Json]:
        """The verified activities of a kind, about an object of a kind, oldest first."""
        return [
            one
            for one in self.ask("received")
            if one["kind"] == kind
            and (object_kind is None or (one["object"] or {}).get("kind") == object_kind)
        ]

    def about(self, kind: str, object_id: str) -> list[Json]:
        """The verified activities of a kind that name an object, oldest first."""
        return [one for one in self.received(kind) if one["objectId"] == object_id]

    def hears(self, kind: str, object_id: str, number: int = 1) -> Json:
        """The `number`th verified activity of a kind that names an object, in time."""

        def look() -> list[Json]:
            return self.about(kind, object_id)[number - 1 :]

        return until(look, f"{kind} of {object_id} at Fedify")[0]

    def waits_for(self, kind: str, object_id: str, number: int = 1) -> Json:
        """The object of the `number`th verified activity of a kind about an object, in time."""

        def look() -> list[Json]:
            found = [
                one["object"]
                for one in self.received(kind)
                if one["object"] and one["object"].get("id") == object_id
            ]
            return found[number - 1 :]

        return until(look, f"{kind} of {object_id} at Fedify")[0]


@contextmanager
def peer(
    host: str,
    *,
    port: int,
    log: Path,
    world: World,
    authority: Path | None = None,
    first_knock: str = "",
) -> Iterator[Fedify]:
    """The server, behind the proxy of `world` as `https://{host}`."""
    folder, control = installing.fedify(), free_port()
    env = {
        "HOST": host,
        "PORT": str(port),
        "CONTROL": str(control),
        "FIRST_KNOCK": first_knock,
        **world.env,
        "LOG": "info" if authority else "",
        "NODE_EXTRA_CA_CERTS": str(authority) if authority else "",
    }
    command = [*world.before, str(installing.node()), str(folder / "fedify.mjs")]
    with (
        running(command, folder=folder, log=log, env=env, port=port) as process,
        httpx2.Client(
            base_url=f"http://127.0.0.1:{control}", timeout=ANSWER_S, trust_env=False
        ) as client,
    ):
        yield Fedify(host, process.pid, client)


@contextmanager
def running_alone() -> Iterator[int]:
    """The process id of a Fedify server without company, once it listens on a free port."""
    with (
        tempfile.TemporaryDirectory(prefix="fedify-") as folder,
        peer(
            "alone.test", port=free_port(), log=Path(folder) / "fedify.log", world=World()
        ) as fedify,
    ):
        yield fedify.pid
