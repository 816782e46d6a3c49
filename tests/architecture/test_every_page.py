"""The list of pages is whole: what holds on every page is tested on every page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hub.bootstrap import FEATURES
from tests.everypage import EVERY

ID = "00000000-0000-4000-8000-000000000000"
PATHS = {
    **dict.fromkeys(("event", "repeating"), f"/events/{ID}"),
    "list": f"/admin/servers/lists/{ID}",
    "draft": "/post/draft/secret",
    **dict.fromkeys(("unconfirmed", "mine"), "/mine/secret"),
    **dict.fromkeys(("want", "my_want"), f"/wants/{ID}"),
    "offer": f"/offers/{ID}",
    "article": f"/news/{ID}",
    "answering": f"/answer/{ID}",
    "place": f"/places/{ID}",
    "organisation": f"/organisations/{ID}",
    "true": "/still-true/secret",
    "claim": "/claims/secret",
    "answer": f"/events/{ID}/coming/secret",
    "quiet": f"/events/{ID}/quiet/secret",
    "report": f"/report/entry/{ID}",
    "appeal": "/appeal/secret",
    "question": "/question/secret",
    "later": "/admin/moderation?after=post",
    "match": f"/matches/{ID}",
    "soon": "2031-05-17",
    "link": "/sign-in/secret",
    "left": "/left/secret",
    **dict.fromkeys(("stop", "stopped"), "/unsubscribe/secret"),
}
# What no person looks at, or what only leads on to a page.
NO_PAGES = re.compile(
    r"/(?:api/|media/|tags/|quotes/|replies/|icons/)"
    r"|\.(?:csv|geojson|graphml|ics|rss|json|css|js|webmanifest|svg)$|^/map/tiles/"
    r"|/(?:replies|context|likes|shares|attendees)$|^/series/"
    r"|^/me/export/\{"
    r"|^/(?:follow|authorize_interaction|language/\{language\})$"
)


def _pages() -> Iterator[str]:
    for feature in FEATURES:
        for router in feature.routers:
            for route in router.routes:
                path = str(getattr(route, "path", ""))
                if "GET" in getattr(route, "methods", ()) and not NO_PAGES.search(path):
                    yield path


def test_every_page_is_in_the_list() -> None:
    listed = {shown.path.format(**PATHS).partition("?")[0] for shown in EVERY}
    missing = {
        path
        for path in _pages()
        if not any(re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", path), one) for one in listed)
    }
    assert missing == set(), "add them to tests/everypage.py"


def test_names_of_pictures_are_not_given_twice() -> None:
    names = [shown.name for shown in EVERY]
    assert len(names) == len(set(names))
