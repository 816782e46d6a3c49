"""Who answers for an address: authority and origin (FEP-fe34).

Every comparison of two servers goes through this module, so that a host spelled in another
way is the same host everywhere, and an address of doubtful spelling is none anywhere. What is
compared, signed and dialled is read by one reader: two that disagree are how one server is
checked and another is asked.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote

import idna

from federation.errors import BadUrl

MAX_LENGTH = 2048
"""Longest address in characters; the longest that peers mint is near 500."""
MAX_NAME_LENGTH = 253
"""Longest host name in characters (RFC 1035 §2.3.4)."""

DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_SHAPE = re.compile(r"(https?)://([^/?#]*)([/?#].*)?", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?", re.IGNORECASE)
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
# A last label of this kind makes the whole host a number to some clients (WHATWG URL, 5.1).
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})
# Persian and Indic words need these two between letters; they order and hide nothing.
_JOINERS = frozenset("\u200c\u200d")
# What may stand in a request line besides letters and digits; the rest is percent-encoded.
_TARGET_SAFE = "!#$%&'()*+,-./:;=?@_~[]|\"<>^`{}"


@dataclass(frozen=True, slots=True)
class SplitUrl:
    """A URL in the parts that a connection needs.

    `host` is lower case and ASCII, an IPv6 address without brackets; `target` is path
    and query as they stand in the request line.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """`host`, or `host:port` where the port is not the scheme's own."""
        return _joined(self.scheme, self.host, self.port)

    @property
    def origin(self) -> str:
        """Scheme and authority (RFC 6454)."""
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        """The whole, in ASCII, without fragment."""
        return self.origin + self.target


@lru_cache(maxsize=4096)
def split_url(url: str) -> SplitUrl:
    """The parts of a plain http(s) URL that is to be asked for, judged by its form alone.

    Hosts of numbers are read as a resolver would read them, so that the guard sees what they
    mean; as names of servers they count nowhere.

    Raises:
        BadUrl: it has another scheme, user information, control characters or a host
            that is no name and no address, or is longer than 2048 characters.
    """
    scheme, host, port, rest = _parse(url, numbers=True)
    path, _, query = rest.partition("#")[0].partition("?")
    target = (path or "/") + (f"?{query}" if query else "")
    # Path and query as UTF-8 in percent-encoding (RFC 3987 §3.1).
    return SplitUrl(scheme, host, port, quote(target, safe=_TARGET_SAFE))


def authority(uri: str) -> str:
    """The server that `uri` names: `host`, or `host:port` where the port is not the default.

    Raises:
        BadUrl: it is not a plain http(s) address.
    """
    scheme, host, port, _ = _parse(uri)
    return _joined(scheme, host, port)


def origin(uri: str) -> str:
    """Scheme and server of `uri`, such as `https://hub.example`.

    Raises:
        BadUrl: it is not a plain http(s) address.
    """
    return f"{_parse(uri)[0]}://{authority(uri)}"


def same_origin(a: str, b: str) -> bool:
    """Whether one server answers for both; False when either is not a good http(s) address."""
    try:
        return origin(a) == origin(b)
    except BadUrl:
        return False


def canonical(uri: str) -> str:
    """`uri` in the spelling by which ids are compared; path and query stay as they are.

    Scheme and host in lower case, without default port and fragment (FEP-fe34). Keys are
    compared with their fragment and therefore as they came.

    Raises:
        BadUrl: it is not a plain http(s) address.
    """
    return origin(uri) + _parse(uri)[3].partition("#")[0]


def _joined(scheme: str, host: str, port: int) -> str:
    host = f"[{host}]" if ":" in host else host
    return host if port == DEFAULT_PORTS[scheme] else f"{host}:{port}"


@lru_cache(maxsize=4096)
def _parse(uri: str, *, numbers: bool = False) -> tuple[str, str, int, str]:
    """Scheme, host, port, and path, query and fragment as they came."""
    if len(uri) > MAX_LENGTH:
        raise BadUrl("the address is too long")
    if "\\" in uri or not _is_printable(uri):
        raise BadUrl("the address holds spaces, control characters or backslashes")
    shape = _SHAPE.fullmatch(uri)
    if shape is None:
        raise BadUrl("not an http or https address")
    scheme, server, rest = shape.group(1).lower(), shape.group(2), shape.group(3) or ""
    host, port = _host_and_port(server, DEFAULT_PORTS[scheme], numbers=numbers)
    return scheme, host, port, rest


def _is_printable(uri: str) -> bool:
    if uri.isascii():
        return uri.isprintable() and " " not in uri
    return not any(
        unicodedata.category(character) in _FORBIDDEN_CATEGORIES and character not in _JOINERS
        for character in uri
    )


def _host_and_port(server: str, usual: int, *, numbers: bool) -> tuple[str, int]:
    if "@" in server or "%" in server:
        raise BadUrl("the address holds user information or an escaped host")
    parts = _AUTHORITY.fullmatch(server)
    if parts is None:
        raise BadUrl("the address has no host, or a port that is not a number")
    port = usual if parts.group(2) is None else int(parts.group(2))
    if not 1 <= port <= 65535:  # noqa: PLR2004 - the ports that exist
        raise BadUrl("there is no such port")
    return _host(parts.group(1), numbers=numbers), port


def _host(text: str, *, numbers: bool) -> str:
    if text.startswith("["):
        return _ip(text[1:-1], 6)
    name = text.lower() if text.isascii() else _to_ascii(text)
    if len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        raise BadUrl("not a host name")
    if _NUMERIC.fullmatch(name.rpartition(".")[2]):
        return _dotted_quad(name) if numbers else _ip(name, 4)
    if "xn--" in name:
        _check_punycode(name.split("."))
    return name


def _dotted_quad(name: str) -> str:
    """What `127.1`, `0x7f.1`, `0177.0.0.1` and `2130706433` mean to a resolver."""
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError as error:
        raise BadUrl("a host of numbers that is no address") from error


def _ip(text: str, version: int) -> str:
    """The one spelling of a literal address; `127.1` and `0x7f.1` are refused, not read."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise BadUrl("not an address") from error
    if address.version != version:
        raise BadUrl("not an address")
    return str(address)


def _to_ascii(name: str) -> str:
    """A name in the letters of its people, as IDNA 2008 writes it after UTS 46."""
    try:
        return idna.encode(name, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise BadUrl("not a host name") from error


def _check_punycode(labels: list[str]) -> None:
    """Refuse `xn--` labels that no name maps to: two spellings of one host must not exist."""
    for label in labels:
        if not label.startswith("xn--"):
            continue
        try:
            if idna.alabel(idna.ulabel(label)).decode("ascii") != label:
                raise BadUrl("not a host name")
        except (idna.IDNAError, UnicodeError) as error:
            raise BadUrl("not a host name") from error
