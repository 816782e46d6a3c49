"""Which pages a browser may keep for reading without a connection (decision 0042).

The service worker keeps what bears the mark, and nothing else. So whatever is not certainly for
everybody stays out: pages of people who are signed in, forms, addresses with a secret in them.
"""

from __future__ import annotations

import re
from typing import Final

from fastapi import Request
from fastapi.responses import Response

MARK: Final = "x-offline"
_ID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ENTRIES: Final = "events|offers|wants|news|places|organisations|projects"
READ: Final = re.compile(
    rf"/(?:|events|swap|news|places|projects|about|offline|(?:{_ENTRIES})/{_ID})"
)


def mark(request: Request, response: Response, *, known: bool) -> None:
    """Mark the page if it is everybody's; `known` says whether its reader is signed in."""
    if (
        not known
        and request.method == "GET"
        and response.status_code == 200  # noqa: PLR2004
        and READ.fullmatch(request.url.path)
        and not request.query_params.get("said")
        and getattr(request.state, "form_secret", None) is None
    ):
        response.headers[MARK] = "yes"
