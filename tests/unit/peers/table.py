"""The part of docs/peers.md that is drawn from the golden documents and the models of peers."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, Final

from tests.unit.peers import (
    friendica,
    gancio,
    gotosocial,
    lemmy,
    mastodon,
    misskey,
    mobilizon,
    nodebb,
    snac2,
    takahe,
)
from tests.unit.peers.seen import Document, Dropped, Seen

PEERS: Final[dict[str, Any]] = {
    "Mastodon": mastodon,
    "Mobilizon": mobilizon,
    "Gancio": gancio,
    "GoToSocial": gotosocial,
    "Misskey": misskey,
    "Lemmy": lemmy,
    "Friendica": friendica,
    "Takahe": takahe,
    "snac2": snac2,
    "NodeBB": nodebb,
}
PAGE: Final = Path(__file__).parents[3] / "docs" / "peers.md"
BEGIN, END = "<!-- eyes: begin (make golden) -->\n", "<!-- eyes: end -->\n"
SAMPLES: Final = ("event-rich", "offer-gift")
TYPES: Final = frozenset(
    {"Create", "Update", "Delete", "Announce", "Accept", "Reject", "Follow", "Undo"}
    | {"Application", "Group", "Service"}
)


def look(peer: str, document: Document) -> Seen | str:
    """What a reader at a peer sees, or why nothing."""
    try:
        seen: Seen = PEERS[peer].see(document)
    except Dropped as why:
        return str(why)
    return seen


def block(documents: dict[str, dict[str, Any]]) -> str:
    """The part of the page."""
    reasons: dict[str, int] = {}
    rows: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, document in documents.items():
        if document["type"] in TYPES:
            cells = (_cell(look(peer, document), reasons) for peer in PEERS)
            rows[tuple(cells)].append(name)
    lines = [
        f"| document | {' | '.join(PEERS)} |",
        f"|---|{'---|' * len(PEERS)}",
        *(f"| {', '.join(names)} | {' | '.join(cells)} |" for cells, names in rows.items()),
        "",
        *(f"{number}. {reason}" for reason, number in reasons.items()),
    ]
    samples = (line for name in SAMPLES for line in _sample(name, documents[name]))
    return "\n".join([*lines, *samples]) + "\n\n"


def _cell(seen: Seen | str, reasons: dict[str, int]) -> str:
    if isinstance(seen, str):
        return f"– ({reasons.setdefault(seen, len(reasons) + 1)})"
    return f"{seen.kind}, warned" if seen.warning else seen.kind


def _sample(name: str, document: Document) -> list[str]:
    lines = ["", f"How `{name}` reads:", "", "```"]
    for peer in PEERS:
        seen = look(peer, document)
        if isinstance(seen, str):
            continue
        said = {
            "title": seen.title,
            "warning": seen.warning.replace("\n", " / "),
            "begins": seen.starts,
            "ends": seen.ends,
            "where": seen.where,
            "text": seen.text.replace("\n", " / "),
            "picture": seen.pictures[0][1] if seen.pictures else "",
        }
        lines += [peer, *(f"  {label}: {words}" for label, words in said.items() if words)]
    return [*lines, "```"]


def page_with(text: str) -> str:
    """The whole page with this text in its place."""
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    return head + BEGIN + text + END + rest.partition(END)[2]
