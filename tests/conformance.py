"""The 88 statements of conformance, and the table of them: `python -m tests.conformance`.

A test of statement 7 is named `test_ap_07_…`, wherever it lies. A statement is kept if it has a
test, unless `PARTLY` says what is missing. `docs/conformance.md` is written from here, and a test
compares the two.
"""

from __future__ import annotations

import re

from tests.named import ROOT, links, named

PAGE = ROOT / "docs" / "conformance.md"
NAME = re.compile(r"test_ap_(\d+)_\w+")

CHAPTERS: dict[str, dict[int, str]] = {
    "Discovery": {
        1: "WebFinger names each actor and links it once, by the exact type",
        2: "it knows every spelling of an actor; 404, 400, 410 where it must",
        3: "it may be read from any page; host-meta leads to it",
        4: "the bare origin is the server's own actor, readable unsigned",
        5: "NodeInfo 2.0 and 2.1, valid, with the actor to follow",
        6: "actor names are plain, and never given twice",
        7: "actors have all members that others look for, and two good keys",
        8: "ids answer `application/ld+json` with ActivityStreams",
        9: "ids answer `application/activity+json`; our fetches ask properly",
        10: "browsers get a page from an id, which links back; `Vary: Accept`",
        11: "deleted: 410 with a Tombstone; never there: 404",
        12: "what is not public is not there",
        13: "what is served bears the id that was asked for",
    },
    "Signatures": {
        14: "every request of ours is signed, with a fresh date",
        15: "usual algorithm names, signed queries or not, clocks 50 minutes apart",
        16: "refused: bad digests, dates, hosts, key names, weak keys",
        17: "a changed key is fetched once; forgeries do not make us ask again",
        18: "a key in a document of its own counts if its owner lists it",
        19: "RFC 9421 with RSA and Ed25519, and all it must cover",
        20: "draft-cavage first, the other on 400 or 401, remembered",
        21: "nobody speaks for another without that one's proof",
        22: "integrity proofs reproduce, and break on any change",
        23: "public activities bear a valid proof, private ones none",
        24: "an LD signature neither helps nor harms",
        25: "a replay has no second effect",
        26: "the end of a stranger costs no request",
    },
    "Inbox": {
        27: "202 before any effect; 400, 401, 403, 413, 415 where they belong",
        28: "an activity is acted upon once",
        29: "content is checked with its origin",
        30: "Create keeps what is relevant and drops the rest",
        31: "an object of another author or origin is never kept as sent",
        32: "Update by the owner alone, of the whole copy",
        33: "older states are passed over; id and kind stay",
        34: "Delete by the owner alone; a late Create is refused",
        35: "Follow adds a follower, and is always answered",
        36: "Follow again: one follower, another Accept",
        37: "Accept counts from whom we asked",
        38: "Reject never adds, and ends what was",
        39: "Undo takes back what the same actor did",
        40: "likes and boosts count once",
        41: "Add and Remove change no collection of others",
        42: "mail is forwarded on three conditions, unchanged",
        43: "Flag, Block and unknown types are no errors",
        44: "Move needs the reference back",
        45: "the end of an actor takes everything along",
        46: "what is private, missing or itself an Announce is not passed on",
        47: "an inbox that is read shows each reader their own",
        48: "private replies are for owner and stewards alone",
    },
    "Objects": {
        49: "ids are strings, addressees and tags arrays",
        50: "attachments are typed and located, an image first",
        51: "an Event has title, times, zone, states, page and a summary that tells",
        52: "one location, with coordinates that have a fraction",
        53: "`joinMode` is one of three; external has its address",
        54: "calling off is an Update, never a Delete",
        55: "events of every peer's shape are taken",
        56: "the dates of a series are Events of their own",
        57: "each Join has one answer; capacity holds",
        58: "offers and wants are Notes with FEP-0837 members",
        59: "proposals are known in every shape",
        60: "an Article has name, summary, content and page",
        61: "`published` is not after `updated`; times have zones",
        62: "hidden recipients are nowhere",
        63: "coordinates of persons are coarse",
        64: "a request to quote is answered, and its stamp can be read",
        65: "models of Mastodon, Mobilizon and Gancio understand us",
        66: "documents are at most 48 KiB",
    },
    "Delivery": {
        67: "mail reaches the inboxes of all addressees, with an id",
        68: "our own collections are expanded, others' never",
        69: "each recipient once, ourselves never",
        70: "`object` and `target` are there where they must",
        71: "a Block is not delivered to whom it blocks",
        72: "one shared inbox per server, else personal ones",
        73: "passing troubles are tried again, final ones not; Retry-After",
        74: "the queue survives; order per object and server",
        75: "the breaker opens, probes and closes",
        76: "Delete reaches whoever got the object",
        77: "we say who we are",
    },
    "Security": {
        78: "no request to inside addresses, by whatever way",
        79: "https alone in ids, pages and inboxes",
        80: "HTML is cleaned when it comes",
        81: "plain JSON and pages never become objects; one look at another id",
        82: "circles end",
        83: "JSON-LD tricks are refused without a fault; contexts are never fetched",
        84: "suspended servers are neither heard nor served",
    },
    "Groups and passing on": {
        85: "a public mention of `@board` is announced once",
        86: "`@relay` announces each entry once, and accepts relays",
        87: "what we aggregate is forwarded as it is, and kept current",
        88: "circles of followers repeat nothing",
    },
}

PARTLY: dict[int, str] = {}
"""What is missing of statements that have tests."""

REMARKS: dict[int, str] = {
    6: "actors are the hub's channels; residents get none of their own",
    14: "but files (pictures, calendars, host-meta) are asked for unsigned",
    41: "we keep no such collections, so that nothing is done",
}
"""What a reader should know besides."""


def statements() -> dict[int, str]:
    """Every statement by its number."""
    return {number: words for chapter in CHAPTERS.values() for number, words in chapter.items()}


def tests() -> dict[int, dict[str, list[str]]]:
    """Tests by number and file, as their names say."""
    return named(NAME, int)


def status(number: int, found: dict[int, dict[str, list[str]]]) -> str:
    """Whether a statement is kept, partly, or not."""
    if number not in found:
        return "not"
    return "partly" if number in PARTLY else "kept"


def page() -> str:
    """The whole of docs/conformance.md."""
    found = tests()
    states = [status(number, found) for number in statements()]
    lines = [
        "# Conformance",
        "",
        "What a hub must do on the wire, in 88 statements (`AP-1` … `AP-88`), and the tests that",
        "hold it to them. A test of statement 7 is named `test_ap_07_…`. This page is written by",
        "`python -m tests.conformance`; a test fails when it no longer says what the tests do.",
        "",
        f"Kept: {states.count('kept')}. Partly: {states.count('partly')}."
        f" Not, for it has no test yet: {states.count('not')}.",
    ]
    for chapter, numbers in CHAPTERS.items():
        lines += ["", f"## {chapter}", "", "| | what | | tests |", "|---|---|---|---|"]
        lines += [_row(number, words, found) for number, words in numbers.items()]
    return "\n".join(lines) + "\n"


def _row(number: int, words: str, found: dict[int, dict[str, list[str]]]) -> str:
    files = found.get(number, {})
    where = links(files)
    remark = PARTLY.get(number) if files else None
    more = [one for one in (remark, REMARKS.get(number)) if one is not None]
    return f"| AP-{number} | {'; '.join([words, *more])} | {status(number, found)} | {where} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
