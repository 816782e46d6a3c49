"""The small world of one test: a proxy, names, and the servers that a test asks for."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.interop import certificates, fedify, hubs, relay
from tests.interop.processes import free_port, tail
from tests.interop.proxy import Proxy
from tests.interop.world import HTTPS, World, as_in_the_field, led, missing

NAMES = ("north.test", "south.test", "fedify.test", "older.test", "relay.test")


class Town:
    """Names on loopback, and the servers behind them; servers live as long as it does."""

    def __init__(
        self, proxy: Proxy, world: World, authority: Path, folder: Path, stack: ExitStack
    ) -> None:
        self.proxy = proxy
        self._world = world
        self._authority = authority
        self._folder = folder
        self._stack = stack

    def hub(
        self, name: str = "north", *, client: hubs.Client = "aiohttp", **settings: str
    ) -> hubs.Hub:
        """A fresh hub of ours; where servers are led from within, its client is aiohttp."""
        host, port = f"{name}.test", free_port()
        self.proxy.routes[host] = port
        made = hubs.hub(
            host,
            port=port,
            folder=self._folder / name,
            world=self._world,
            authority=self._authority,
            client=client,
            **settings,
        )
        return self._stack.enter_context(made)

    def fedify(self, name: str = "fedify", *, first_knock: str = "") -> fedify.Fedify:
        """A fresh Fedify server with its actor @fred."""
        host, port = f"{name}.test", free_port()
        self.proxy.routes[host] = port
        made = fedify.peer(
            host,
            port=port,
            log=self._folder / f"{host}.log",
            world=self._world,
            authority=self._authority,
            first_knock=first_knock,
        )
        return self._stack.enter_context(made)

    def relay(self) -> str:
        """A fresh ActivityRelay; the id of its actor."""
        host, port = "relay.test", free_port()
        self.proxy.routes[host] = port
        made = relay.relay(
            host,
            port=port,
            folder=self._folder / "relay",
            world=self._world,
            authority=self._authority,
        )
        return self._stack.enter_context(made)

    def story(self) -> str:
        """What went over the wire, and the last words of every server."""
        wire = "\n".join(["── wire", *map(str, self.proxy.exchanges)])
        return "\n".join([wire, *map(tail, sorted(self._folder.rglob("*.log")))])


@contextmanager
def town(folder: Path, names: Sequence[str] = NAMES) -> Iterator[Town]:
    """A world of `names`, on loopback addresses that no other run uses."""
    # 127.64.0.1 … 127.127.255.254: far from what people bind by hand.
    block = f"127.{64 + secrets.randbelow(64)}.{secrets.randbelow(256)}"
    addresses = {name: f"{block}.{number}" for number, name in enumerate(names, 1)}
    issued = certificates.issue(names, folder / "certificates")
    field = not missing()
    with Proxy(addresses, issued, HTTPS if field else 0) as proxy, ExitStack() as stack:
        world = as_in_the_field(proxy.places, folder) if field else led(proxy.places)
        yield Town(proxy, world, issued.authority, folder, stack)
