"""What the tests need of the machine beyond Python: a browser, and what the fault rigs break with.

`python tests/machine.py` finds it, or installs it where that is possible. Without a browser it says
so in a sentence and fails; the rigs say so themselves, and are skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
RIGS = {"strace": "strace", "xfs_io": "xfsprogs"}  # programs, and their packages
INSTALL_S = 900  # the package and what it needs are some 100 MB
ADVICE = (
    "The browser tests need Chromium and found none. Install it "
    "(on Debian: sudo apt install chromium), and run them again."
)


def chromium() -> str | None:
    """The path of the machine's Chromium; None when there is none."""
    found = (shutil.which(name) for name in BROWSERS)
    return next((path for path in found if path is not None), None)


def install(*packages: str) -> None:
    """Have apt install these, where that is allowed."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    print(f"Installing {', '.join(packages)} with apt.", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    ):
        # An update may fail where the lists are fresh enough; what counts are the programs.
        subprocess.run(
            command, check=False, timeout=INSTALL_S, env=quiet, stdout=subprocess.DEVNULL
        )


def main() -> int:
    """Exit code 0 when everything is there, 1 with a plain sentence when not."""
    missing = [package for program, package in RIGS.items() if shutil.which(program) is None]
    if chromium() is None:
        missing.append("chromium")
    if missing:
        install(*missing)
    found = chromium()
    if found is None:
        print(ADVICE, file=sys.stderr)
        return 1
    print(f"Chromium for the tests: {found}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
