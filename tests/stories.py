"""The stories of a neighbourhood, and the tests that play them: `python -m tests.stories`.

A test of story 5 is named `test_t05_…`, wherever it lies. A story is told if it has a test, partly
where `PARTLY` says what it cannot do yet, and not without one; `NOT_BUILT` says why. From here
`docs/stories.md` is written, and a test compares the two.
"""

from __future__ import annotations

import re

from tests.named import ROOT, links, named

PAGE = ROOT / "docs" / "stories.md"
NAME = re.compile(r"test_t(\d+)_\w+")

CHAPTERS: dict[str, dict[int, str]] = {
    "Offers and wants": {
        5: "somebody without an account asks for a ladder on a telephone: at most 60 seconds and "
        "4 fields from the first page to the published want, looked at before it is sent",
        6: "without an address, an editor posts it “via” the hub, and nothing of theirs is kept",
        7: "a photo taken where there is no network is sent later, without the place in it",
        8: "an offer and a want find each other, with reasons and a distance in words; both say "
        "yes, and only then they talk",
        9: "a loan is reminded of two days before, noted as overdue, closed by “it is back”, and "
        "the thing is listed again",
        10: "want here, offer there: shown on both hubs; a no leaves no trace there",
        11: "a private want is in no page, feed, outbox or search; named stewards see it",
    },
    "Events": {
        16: "a group pastes the address of its calendar; what is moved or called off follows",
        18: "“every second Tuesday, not in August”: right dates through the change of the clocks, "
        "a calendar file and a data block that are valid, a warning when two things clash",
        19: "one date is called off: list, calendar file, other servers, a note for Mastodon, and "
        "a letter to whoever comes",
    },
    "The directory": {
        12: "somebody looks for a place that they can get into: by words, nearness, access, day "
        "and cost, with counts; where nothing is left, it says what to leave out",
        13: "300 places from a spreadsheet: columns guessed, a dry run with what is wrong in each "
        "row, what is here already told apart, all of it taken back",
        14: "places that nobody has looked at for long: their contacts are asked with one click, "
        "and answer without signing in",
        15: "an extract of OpenStreetMap becomes map and directory: kinds chosen, looked at "
        "first, ways in and hours kept, credit given; again, it changes what changed and doubles "
        "nothing; all of it is taken back",
    },
    "News and talk": {
        20: "a photo story from a telephone: words for the picture, consent, readable on Mastodon",
        21: "a page follows a hashtag while something happens; what is posted elsewhere appears "
        "or waits by the hub's rules, and *hide* works at once",
    },
    "With other servers": {
        35: "somebody on Mastodon finds `@events`, follows, sees, answers, boosts, says that they "
        "come, and has a yes by private message",
        36: "Mobilizon, Gancio and WordPress: events arrive with time, place and state; a Join is "
        "answered",
    },
    "A region": {
        26: "a region follows twenty hubs and shows them as one; each thing says where it is from, "
        "by which way it came, how fresh it is, and leads there",
        27: "the same thing from several hubs is one page with its sources and what differs, and "
        "can be taken apart",
        28: "a hub that is lost is marked, then hidden by rule; what it deletes is gone everywhere "
        "within the hour",
        29: "another hub's words become ours, set once, for what is here and what comes",
        31: "a programme spans hubs: a channel passes on what members of each post for it and "
        "answer, to hubs and to a feed to learn from, and what is posted to it from Mastodon by "
        "mentioning it; a hub leaves with what is its own",
    },
    "Looking after a hub": {
        1: "from an empty machine and a domain to a hub behind https, set up in at most six "
        "questions by the link that was printed, without mail",
        2: "a new version: the rows are saved first, and there is a way back",
        3: "last night’s backup on another machine or port: same keys and pictures, and followers "
        "get the next post",
        4: "stewards set area, languages, colours, charter and roles in the browser",
        17: "a picture of who works with whom, with its table and its export",
        37: "200 unwanted wants of a new server are held, refused at once, and the server limited",
        38: "a complaint is acted upon; who complained stays unnamed, both are told",
        41: "one who leaves takes a copy of all that is theirs, for programs and to read; "
        "then the account is gone, and they see which other servers were told to delete it",
        42: "a hub moves to another address: followers come along, old ids and pages stay good",
        43: "each thing is kept for as long as the table says, and a test moves the clock for each",
    },
    "For everybody": {
        39: "with a screen reader and the keyboard: post a want, find an event, read the list",
        40: "large text, a week on paper, a letter that is ended with one tap",
        44: "pages speak the reader's language, from the right where it is written so",
    },
}

PARTLY: dict[int, str] = {}
"""What is missing of stories that have tests."""

NOT_BUILT: dict[int, str] = {}
"""Why a story has no test."""


def stories() -> dict[int, str]:
    """Every story by its number, in the order of the page."""
    return {number: words for chapter in CHAPTERS.values() for number, words in chapter.items()}


def tests() -> dict[int, dict[str, list[str]]]:
    """Tests by number and file, as their names say."""
    return named(NAME, int)


def status(number: int, found: dict[int, dict[str, list[str]]]) -> str:
    """Whether a story is told, partly, or not."""
    if number not in found:
        return "not"
    return "partly" if number in PARTLY else "told"


def page() -> str:
    """The whole of docs/stories.md."""
    found = tests()
    states = [status(number, found) for number in stories()]
    lines = [
        "# Stories",
        "",
        "What people do with a hub, and the tests that do it with them, in a browser or between",
        "hubs. A test of story 5 is named `test_t05_…`. This page is written by",
        "`python -m tests.stories`; a test fails when it no longer says what the tests do.",
        "",
        f"Told: {states.count('told')}. Partly: {states.count('partly')}."
        f" Not: {states.count('not')}.",
    ]
    for chapter, told in CHAPTERS.items():
        lines += ["", f"## {chapter}", "", "| | what | | tests |", "|---|---|---|---|"]
        lines += [_row(number, words, found) for number, words in told.items()]
    return "\n".join(lines) + "\n"


def _row(number: int, words: str, found: dict[int, dict[str, list[str]]]) -> str:
    files = found.get(number, {})
    where = links(files)
    missing = (PARTLY if files else NOT_BUILT).get(number)
    told = words if missing is None else f"{words}. **Missing:** {missing}"
    return f"| T{number:02} | {told} | {status(number, found)} | {where} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
