"""Which e-mail addresses we write to. Pure.

RFC 5321 allows more; quotes, comments, `%` and `!` only ever served to smuggle a second recipient
past a check (SECURITY E12).
"""

from __future__ import annotations

import re
from typing import Final

import idna

from hub.core.errors import Invalid
from hub.core.words import later

LONGEST_ADDRESS: Final = 254  # RFC 5321 §4.5.3.1.3, without the brackets
LONGEST_LOCAL: Final = 64

HINT: Final = later("Please enter an e-mail address, such as ann@mail.example.")

_LOCAL: Final = re.compile(r"[a-z0-9#$&'*+/=?^_`{|}~-]+(\.[a-z0-9#$&'*+/=?^_`{|}~-]+)*")
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def address(entered: str) -> str:
    """The address in the one form in which it is kept: lower case, its domain in ASCII.

    Raises:
        Invalid: it is none that we write to.
    """
    local, sign, domain = entered.strip().lower().rpartition("@")
    try:
        domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        domain = ""
    labels = domain.split(".")
    fits = (
        sign
        and len(local) <= LONGEST_LOCAL
        and len(local) + 1 + len(domain) <= LONGEST_ADDRESS
        and _LOCAL.fullmatch(local)
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )
    if not fits:
        raise Invalid(HINT, {"email": HINT})
    return f"{local}@{domain}"
