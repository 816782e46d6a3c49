"""The map's files as browsers fetch them: pieces of one file that never changes."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from hub.core.errors import NotFound
from hub.maps import shelf
from hub.web.doors import OPEN, Hub
from hub.web.static import LASTING

router = APIRouter(include_in_schema=False, dependencies=[OPEN])


@router.get("/map/tiles/{name}")
async def tiles(name: str, request: Request, hub: Hub) -> Response:
    """The tiles, or the range of bytes that is asked for (RFC 9110 §14).

    Raises:
        NotFound: the hub has no such map.
    """
    path = shelf.tiles_named(hub.settings, name)
    if path is None:
        raise NotFound("There is no such map here. Perhaps there is a newer one.")
    # The name says what is in it, so it is the tag as well.
    headers = {"cache-control": LASTING, "etag": f'"{path.stem}"'}
    if headers["etag"] in request.headers.get("if-none-match", "").split(", "):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type="application/vnd.pmtiles", headers=headers)
