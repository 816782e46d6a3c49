"""What a hub keeps for how long, read from the program: `python -m tests.retention`.

`docs/retention.md` is written from here, and a test compares the two.
"""

from __future__ import annotations

from pathlib import Path

from hub import bootstrap
from hub.jobs.retention import CLOCKS, EVERY
from tests.architecture.test_limits import shown

PAGE = Path(__file__).parents[1] / "docs" / "retention.md"

HEAD = f"""# What is kept for how long

Each row is a clock of the program (`hub/jobs/retention.py`), which says so itself; this page is
written by `python -m tests.retention`. A job goes through all of them every {shown("", EVERY)},
in small steps; Today and `hub doctor` say when it last did. A test moves the clock for each.

| Name | What | Kept for | Counted from when |
|---|---|---|---|
"""

TAIL = """
## What has no clock

- **Addresses on the internet (IP)** are written down nowhere: not in the database, and not in
  the hub's own log. How often one asks is counted in memory, for an hour at most. The web server
  in front of the hub keeps a log of its own, if you tell it to; seven days are enough.
- **Letters** lose address, words and links as soon as they went; the row above is what is left.
- **Backups** hold all that the hub held then. The last `HUB_BACKUPS_KEPT` are kept, and an older
  one goes when a new one is made; what you carried elsewhere, you delete yourself.
- **Events that are over, news, open offers and wants** stay until whoever posted them takes
  them back. What was deleted leaves its id, its kind and the moment, for its address to say so.
- **What moderators decided** stays, without the words it was about: that is the record by which
  they can be held to account. It names nobody; a note to an author stands there as it was written.
- **Accounts** stay until their people leave.

## When somebody leaves

Their account's row stays, since others point to it, without a word in it. Name, address, devices,
passkeys, kept searches, what they posted with its pictures, what they wrote to others, what they
were told, and that they wanted to come somewhere: all goes at once, or with the next round of the
clocks. Every server that had something of theirs is sent a Delete, for thirty days; they can watch
that by a link. What stays, for a while:

- a report **about** them, and what stood there, until thirty days after it was decided; reports
  **by** them lose who it was at once;
- what somebody else was told about them, for as long as the rows above say;
- backups, as above.
"""


def page() -> str:
    """The page, as the program is now."""
    assert bootstrap.FEATURES  # every room is loaded, and with it its clocks
    rows = (
        f"| `{each.name}` | {each.what} | {shown('', each.kept)} | {each.since} |"
        for _, each in sorted(CLOCKS.items())
    )
    return HEAD + "\n".join(rows) + "\n" + TAIL


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
