"""Which addresses this server may dial: one rule, for every fetch and every delivery.

A URL is looked at twice. `Guard.check_url` judges what is written, without asking
the DNS; `Guard.resolve` judges what the DNS answers, and the clients dial exactly the
addresses that it returns, so that no second look-up can lead elsewhere. Everything
that is not known to be public is refused: `ipaddress.is_global` is no defence, since it
calls `::127.0.0.1`, `64:ff9b::7f00:1` and `2002:7f00:1::` global.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache

from federation.errors import ForbiddenAddress, Unreachable
from federation.origins import DEFAULT_PORTS, SplitUrl, split_url
from federation.recent import Recent

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str], Awaitable[list[str]]]

# The special blocks of the IANA registry of IPv4 addresses (RFC 6890).
SPECIAL_IPV4 = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# All that is handed out as public lies in here; mapped, compatible, NAT64, local and
# multicast addresses do not.
PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
SPECIAL_IPV6 = tuple(
    ipaddress.IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries an IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
# Names that the public DNS does not know: a look-up would only tell others of it.
PRIVATE_SUFFIXES = (".onion", ".local", ".internal")
# 8443 is what panels of small hosts use; any other port would make us a port scanner.
PORTS = frozenset({80, 443, 8443})

MAX_ADDRESSES = 4  # a name with a hundred addresses must not cost a hundred attempts
DNS_SECONDS = 5.0
DNS_CACHE_SECONDS = 60.0
DNS_CACHE_NAMES = 2048
# getaddrinfo cannot be cancelled, so slow name servers hold threads; never more than these.
DNS_THREADS = 16


async def _ask_system(host: str) -> list[str]:
    """The addresses of `host` as this machine's resolver has them."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(_dns_threads, _getaddrinfo, host)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _getaddrinfo(host: str) -> list[tuple[object, object, object, str, tuple[object, ...]]]:
    return list(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))


_dns_threads = ThreadPoolExecutor(DNS_THREADS, thread_name_prefix="federation-dns")


class Resolver:
    """Answers of the DNS, kept for a minute; `lookup` asks for them."""

    def __init__(self, lookup: Lookup = _ask_system) -> None:
        self._lookup = lookup
        self._answers: Recent[str, tuple[float, list[str]]] = Recent(DNS_CACHE_NAMES)

    async def addresses(self, host: str) -> list[str]:
        """All addresses of `host`, unjudged.

        Raises:
            Unreachable: no such name, or no answer within five seconds.
        """
        kept = self._answers.get(host)
        if kept is not None and time.monotonic() - kept[0] < DNS_CACHE_SECONDS:
            return kept[1]
        try:
            async with asyncio.timeout(DNS_SECONDS):
                answers = await self._lookup(host)
        except (OSError, ValueError) as error:  # TimeoutError and UnicodeError among them
            raise Unreachable(f"no address found for {host}") from error
        self._answers.put(host, (time.monotonic(), answers))
        return answers


@dataclass(frozen=True)
class Guard:
    """The rule which addresses may be dialled.

    `allow_networks` are dialled although they are not public; addresses and names
    without a dot are heard only when they lie inside. `allow_http` lifts the demand for
    TLS and the list of ports. `own_hosts` are the authorities of this server, which
    never speaks to itself.
    """

    allow_networks: tuple[Network, ...] = ()
    allow_http: bool = False
    own_hosts: frozenset[str] = frozenset()
    resolver: Resolver = field(default_factory=Resolver, compare=False, repr=False)

    def check_url(self, url: str) -> SplitUrl:
        """The parts of a URL that may be asked for, as far as it can be told without DNS.

        Raises:
            BadUrl: it is not a plain http(s) URL.
            ForbiddenAddress: its scheme, port or host is not for us to dial.
        """
        parts = split_url(url)
        if not self.allow_http and (parts.scheme != "https" or parts.port not in PORTS):
            raise ForbiddenAddress("only https, on ports 443, 80 and 8443")
        if self._is_own(parts.host, parts.port):
            raise ForbiddenAddress("this server itself")
        self._check_host(parts.host)
        return parts

    def allows(self, address: str) -> bool:
        """Whether this one address may be dialled."""
        parsed = _parse(address)
        return parsed is not None and (self._inside(parsed) or _public(parsed))

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses to dial for `host`, at most four.

        Any address that is not public refuses the whole name: a mixed answer is how
        rebinding begins. Where `allow_networks` is set, such answers are passed over
        instead, so that `localhost` may also have an address that is not allowed.

        Raises:
            ForbiddenAddress: it has addresses, and none that may be dialled.
            Unreachable: it has no address, or none in time.
        """
        self._check_host(host)
        if _parse(host) is not None:
            answers, named = [host], False
        else:
            answers, named = await self.resolver.addresses(host), True
        good = [answer for answer in answers if self._dials(host, answer, port)]
        if answers and (not good or (len(good) < len(answers) and not self.allow_networks)):
            raise ForbiddenAddress(f"{host} is not on the public internet", retry=named)
        if not good:
            raise Unreachable(f"no address found for {host}")
        return good[:MAX_ADDRESSES]

    def _check_host(self, host: str) -> None:
        parsed = _parse(host)
        if parsed is not None:
            if not self._inside(parsed):
                raise ForbiddenAddress("an address in place of a name")
        elif "." not in host and not self.allow_networks:
            raise ForbiddenAddress("a name without a dot")
        elif host.endswith(PRIVATE_SUFFIXES):
            raise ForbiddenAddress("a name outside the public DNS")

    def _dials(self, host: str, address: str, port: int) -> bool:
        parsed = _parse(address)
        if parsed is None or self._is_own(str(parsed), port):
            return False
        # A name without a dot is not public, so neither may be what it stands for.
        return self._inside(parsed) or ("." in host and _public(parsed))

    def _inside(self, address: Address) -> bool:
        return any(
            address.version == network.version and address in network
            for network in self.allow_networks
        )

    def _is_own(self, host: str, port: int) -> bool:
        host = f"[{host}]" if ":" in host else host
        usual = port in DEFAULT_PORTS.values() and host in self.own_hosts
        return usual or f"{host}:{port}" in self.own_hosts


@lru_cache(maxsize=4096)
def _parse(address: str) -> Address | None:
    """The address, or None for a name and for an address with a scope (`fe80::1%eth0`)."""
    try:
        return None if "%" in address else ipaddress.ip_address(address)
    except ValueError:
        return None


def _public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in block for block in SPECIAL_IPV4)
    return address in PUBLIC_IPV6 and not any(address in block for block in SPECIAL_IPV6)
