"""The small world of an interoperability test, for Python programs that know nothing of it.

Python imports this module by itself when its folder is on PYTHONPATH. Names of the test resolve to
loopback addresses, and port 443 of those leads to the port on which the test's proxy listens, so
that neither root nor /etc/hosts is needed. Every other name is unknown: nothing leaves the machine.
"""

from __future__ import annotations

import asyncio
import ctypes
import ipaddress
import json
import os
import signal
import socket
import sys
from types import ModuleType
from typing import Any

HTTPS = 443
PR_SET_PDEATHSIG = 1
WORLD: dict[str, tuple[str, int]] = {
    name: (address, port)
    for name, (address, port) in json.loads(os.environ.get("INTEROP_WORLD", "{}")).items()
}
_ports = dict(WORLD.values())
_look_up = socket.getaddrinfo
_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex


def _known(host: Any) -> Any:
    """The address of a name of this world; literal addresses and localhost stand for themselves.

    Raises:
        socket.gaierror: there is no such name here.
    """
    name = host.decode() if isinstance(host, bytes) else host
    if name in WORLD:
        return WORLD[name][0]
    if name and name != "localhost":
        try:
            ipaddress.ip_address(name)
        except ValueError:
            text = f"{name} is not part of this test"
            raise socket.gaierror(socket.EAI_NONAME, text) from None
    return host


def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    """As the original, for the names of this world alone."""
    return _look_up(_known(host), *args, **kwargs)


def _leads_to(address: Any) -> Any:
    if isinstance(address, tuple) and address[1] == HTTPS and address[0] in _ports:
        return (address[0], _ports[address[0]], *address[2:])
    return address


def connect(self: socket.socket, address: Any) -> None:
    """As the original; port 443 of this world is where the proxy listens."""
    _connect(self, _leads_to(address))


def connect_ex(self: socket.socket, address: Any) -> int:
    """As the original; port 443 of this world is where the proxy listens."""
    return _connect_ex(self, _leads_to(address))


# What dials below Python cannot be led to the proxy (`world.py` knows the better way): here all go
# by asyncio's loop and aiohttp.
if WORLD:
    sys.modules["pycurl"] = None  # type: ignore[assignment]
    loops: Any = ModuleType("uvloop")
    loops.run, loops.EventLoopPolicy = asyncio.run, asyncio.DefaultEventLoopPolicy
    sys.modules["uvloop"] = loops

# A test that is killed cannot stop its servers: then the kernel does (prctl(2), Linux alone).
if WORLD and sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

socket.getaddrinfo = getaddrinfo
socket.socket.connect = connect  # type: ignore[assignment, method-assign]
socket.socket.connect_ex = connect_ex  # type: ignore[assignment, method-assign]
