"""The small world of one test: a proxy, names, and the servers that a test asks for."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.interop import certificates, fedify, hubs, relay
from tests.interop.processes import free_port, tail
from tests.interop.proxy import Proxy

NAMES = ("north.test", "south.test", "fedify.test", "older.test", "relay.test")


class Town:
    """Names on loopback, and the servers behind them; servers live as long as it does."""

    def __init__(self, proxy: Proxy, authority: Path, folder: Path, stack: ExitStack) -> None:
        self.proxy = proxy
        self._authority = authority
        self._folder = folder
        self._stack = stack

    def hub(self, name: str = "north", **settings: str) -> hubs.Hub:
        """A fresh hub of ours."""
        host, port = f"{name}.test", free_port()
        self.proxy.routes[host] = port
        made = hubs.hub(
            host,
            port=port,
            folder=self._folder / name,
            world=self.proxy.world,
            authority=self._authority,
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
            world=self.proxy.world,
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
            world=self.proxy.world,
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
    with Proxy(addresses, issued) as proxy, ExitStack() as stack:
        yield Town(proxy, issued.authority, folder, stack)
