"""Which pages a browser may keep for reading without a connection (decision 0042).

The service worker keeps what bears the mark, and nothing else. So whatever is not certainly for
everybody stays out: pages of people who are signed in, forms, addresses with a secret in them.
Each page also says for whom it was made, so that what somebody wrote without a connection is sent
later as theirs or not at all (decision 0055).
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from hub.web.doors import Caller

MARK: Final = "x-offline"
READER: Final = "x-reader"
READER_LETTERS: Final = 16
NOBODY: Final = "nobody"
_ID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ENTRIES: Final = "events|offers|wants|news|places|organisations|projects"
READ: Final = re.compile(
    rf"/(?:|events|swap|news|places|projects|about|offline|(?:{_ENTRIES})/{_ID})"
)


def mark(request: Request, response: Response, caller: Caller) -> None:
    """Say for whom the page is, and mark it if it is everybody's."""
    response.headers[READER] = _reader(caller)
    if (
        not caller.known
        and request.method == "GET"
        and response.status_code == 200  # noqa: PLR2004
        and READ.fullmatch(request.url.path)
        and not request.query_params.get("said")
        and getattr(request.state, "form_secret", None) is None
    ):
        response.headers[MARK] = "yes"


def _reader(caller: Caller) -> str:
    """A name for who is signed in that says nothing of them; NOBODY for everybody else."""
    if caller.person_id is None:
        return NOBODY
    return hashlib.sha256(f"reader:{caller.person_id}".encode()).hexdigest()[:READER_LETTERS]
