"""Licences: under which terms others may use what is published, by their addresses. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

CC_BY: Final = "https://creativecommons.org/licenses/by/4.0/"
ODBL: Final = "https://opendatacommons.org/licenses/odbl/1-0/"  # of all that OpenStreetMap knows
CREDIT_OF_OSM: Final = "© OpenStreetMap contributors, ODbL 1.0"
# What stewards choose from; whoever runs the machine may name any other.
KNOWN: Final = (
    CC_BY,
    "https://creativecommons.org/licenses/by-sa/4.0/",
    "https://creativecommons.org/publicdomain/zero/1.0/",
)
LONGEST: Final = 500  # of an address
_COMMONS: Final = re.compile(r"/licenses/([a-z]+(?:-[a-z]+)*)/(\d\.\d)(?:/|$)")
_ZERO: Final = re.compile(r"/publicdomain/zero/(\d\.\d)(?:/|$)")


def is_licence(address: str) -> bool:
    """Whether this can be the address of a licence: of a page that a browser opens."""
    if len(address) > LONGEST or any(sign.isspace() for sign in address):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc


def name_of(address: str) -> str:
    """What people call it: `CC BY 4.0`; of one that is not known the host."""
    parts = urlsplit(address)
    host = (parts.hostname or address).removeprefix("www.")
    if host == "creativecommons.org":
        if found := _COMMONS.search(parts.path):
            return f"CC {found[1].upper()} {found[2]}"
        if found := _ZERO.search(parts.path):
            return f"CC0 {found[1]}"
    if address == ODBL:
        return "ODbL 1.0"
    return host
