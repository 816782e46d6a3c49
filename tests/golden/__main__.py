"""`make golden`: keep anew what a hub says, and how it reads elsewhere (docs/peers.md).

Look at the difference before you commit it: it is what other servers will see.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.golden.making import UPDATING

# The documents first; what is drawn from them is read by a process of its own.
TESTS = ("tests/integration/test_golden.py", "tests/unit/peers/test_eyes.py")


def main() -> int:
    """Run the tests that compare, so that they keep; the number of those that found a fault."""
    given = {**os.environ, UPDATING: "1"}
    runs = [
        subprocess.run([sys.executable, "-m", "pytest", "-q", test], env=given, check=False)
        for test in TESTS
    ]
    return sum(run.returncode != 0 for run in runs)


if __name__ == "__main__":
    sys.exit(main())
