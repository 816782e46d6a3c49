"""What others were hurt by, and the tests that it fails here: `python -m tests.threats`.

A test of threat E7 is named `test_e7_…`, wherever it lies; one that tells a story too has both
names, `test_t41_d7_…`. Every threat has a test. From here `docs/threats.md` is written, and a test
compares the two.
"""

from __future__ import annotations

import re

from tests.named import ROOT, links, named

PAGE = ROOT / "docs" / "threats.md"
NAME = re.compile(r"test_(?:t\d\d_)?([a-h]\d+)_\w+")

CHAPTERS: dict[str, tuple[str, ...]] = {
    "A. Who said it": (
        "nothing is done for a request before its key is known to be the actor's",
        "an object counts for the server in its `id`, and for no other",
        "what somebody else wrote is changed, deleted or undone by nobody",
        "lists, nested objects and the like in place of an identity are refused",
        "what somebody passes on is fetched from its author, never kept as it was passed on",
        "JSON-LD cannot be bent into another document; its signatures are passed over",
        "a picture that somebody uploaded is never taken for an activity",
        "a document is the one that was asked for; redirects lend nobody's name",
        "nothing from outside becomes one of ours",
        "a server's name is read in one way everywhere: case, dots, ports, other alphabets",
        "the digest is there, is signed, and is that of the bytes that are read",
        "a signature holds for this request alone: host, path, date",
        "we follow only who accepted that very request",
        "strangers leave no row, and cost one look at most",
        "no odd path, method or `Host` leads past a guard",
    ),
    "B. What we fetch, and who holds the line": (
        "no address inside is dialled, however it is written",
        "a name is looked up once, and where it leads is checked",
        "each step of a redirect is checked, and there are three at most",
        "no other scheme, port, cookie or proxy",
        "however slowly somebody answers, there is an end",
        "however much somebody sends, packed or not, there is an end",
        "threads, pages and circles have a budget",
        "nobody makes us flood a third",
        "what is kept of servers that do not exist is bounded",
        "any address is fetched or refused, without an error of ours",
        "those who send slowly keep nobody out",
        "we fetch no picture of a stranger's choice",
    ),
    "C. Reading": (
        "JSON that is none is refused, the same on both databases",
        "what stands twice where identity is read is refused",
        "any value anywhere is read or refused",
        "one bad row spoils no list",
        "no pattern takes long, whatever it is held against",
        "no HTML takes long to clean",
        "limits are published, and hold to the letter",
        "names cannot deceive by direction or disguise",
        "no form is too much for us",
    ),
    "D. What is not for everybody": (
        "each text is met by those whom it is for, on every page, feed, document and letter",
        "what may not be seen is as if it were not there",
        "what one reader may see is given to no other by a cache",
        "who is signed out or shut out is so at once, by every way",
        "a home is a cell of a kilometre before it is stored, however often one asks",
        "a need stays among neighbours, and leaves by its author's word alone",
        "of who leaves nothing stays: rows, files, other servers",
        "logs hold nobody's words, names or addresses",
        "pictures lose what a camera wrote into them",
        "a person is asked for what a hub needs, and for no more",
        "a copy is for whoever asked, and not for long",
    ),
    "E. Pages, accounts, letters": (
        "nothing that people or servers write runs in a browser",
        "addresses that are programs become no links",
        "a form that another page sends is refused",
        "ways back lead to this hub and nowhere else",
        "each route says for whom it is; nobody reaches what is another's",
        "a role can do what it may, and no more",
        "a link by mail is opened without being used up, used once, and not for long",
        "a passkey answers one question, of this hub, once",
        "each limit fires at the first that is too many",
        "nobody learns whether an address is known",
        "who signs in has a new session",
        "only plain addresses are written to",
        "of many who set a hub up at once one gets in",
        "who is shut out neither acts nor reads, here or by another's hand",
    ),
    "F. Files": (
        "no name that somebody sends reaches a file",
        "a picture is one of three kinds, and read within bounds",
        "what is served is what we made, and can do nothing",
        "no repetition takes long",
        "no calendar takes long, however it is nested",
        "no list can name what is not in it",
        "nothing unpacks to more than it may",
        "no export is a formula",
        "asking for a file in ten thousand pieces is no work",
    ),
    "G. Too much, and too bad": (
        "newcomers have limits, and hubs that nobody looks after hold what comes",
        "a wave from servers that nobody knows is held, and troubles nobody",
        "unknown servers are let in and heard as the hub chose",
        "a block cannot be gone around",
        "a list of blocks is looked at first, and taken back",
        "complaints are bounded, and their evidence stays",
        "the log of moderation shows whether it was changed",
        "who sends too much slows nobody else",
    ),
    "H. Secrets, and what we are made of": (
        "keys are sealed where they lie, and can be changed",
        "the first start makes a good secret; a bad one is refused",
        "packages are few, pinned by their digests, and not older than their last known hole",
        "a backup tells nobody who has not its phrase",
        "the process can do little on its machine",
        "every page bears the headers that bind a browser",
    ),
}


def threats() -> dict[str, str]:
    """Every threat by its name, in the order of the page."""
    return {
        f"{chapter[0]}{number}": words
        for chapter, rows in CHAPTERS.items()
        for number, words in enumerate(rows, 1)
    }


def tests() -> dict[str, dict[str, list[str]]]:
    """Tests by threat and file, as their names say."""
    return named(NAME, str.upper)


def page() -> str:
    """The whole of docs/threats.md."""
    found = tests()
    lines = [
        "# Threats",
        "",
        "What has hurt servers of the fediverse and their people, what a hub does instead, and the",
        "tests that try it. A test of E7 is named `test_e7_…`. This page is written by",
        "`python -m tests.threats`; a test fails when it no longer says what the tests do, or when",
        "a threat has none. Faults of machines and lines are in [reliability.md](reliability.md).",
    ]
    for chapter, rows in CHAPTERS.items():
        lines += ["", f"## {chapter}", "", "| | what holds | tests |", "|---|---|---|"]
        names = (f"{chapter[0]}{number}" for number in range(1, len(rows) + 1))
        lines += [
            f"| {name} | {threats()[name]} | {links(found.get(name, {}))} |" for name in names
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
