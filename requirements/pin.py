"""Writes `requirements/*.txt`: the versions to be tested, each with its hashes.

The widest set is resolved first and binds the others, so that one package has one version in all
of them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
PROJECT = "pyproject.toml"

# What each file is made of: inputs, and the project's extras. `test` binds what comes after it.
FILES = {
    "test": ([PROJECT, "requirements/tests.in"], ["dev", "browser", "map"]),
    "dev": ([PROJECT], ["dev"]),
    "postgres": ([PROJECT], ["postgres"]),
    "fast": ([PROJECT], ["fast"]),
    "map": ([PROJECT], ["map"]),
    "runtime": ([PROJECT], []),
    "assets": (["requirements/assets.in"], []),
    "build": (["requirements/build.in"], []),
}


def main(arguments: list[str]) -> int:
    """Exit code of the first resolution that failed, else 0."""
    for name, (inputs, extras) in FILES.items():
        command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet"]
        command += ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header"]
        command += ["--no-emit-index-url", "--no-emit-find-links"]
        command += ["--output-file", f"requirements/{name}.txt", *arguments]
        command += [part for extra in extras for part in ("--extra", extra)]
        if name != "test":
            command += ["--constraint", "requirements/test.txt"]
        code = subprocess.run([*command, *inputs], cwd=ROOT, check=False).returncode  # noqa: S603 - our own command
        if code != 0:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
