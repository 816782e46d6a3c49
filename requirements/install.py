"""Makes `.venv` and installs hashed requirements into it, on machines of many kinds.

    python3 requirements/install.py .venv runtime build assets

Debian leaves `ensurepip` out of its Python, other systems leave out pip; so several ways are tried,
and the first that works is taken. Only the standard library is used here, since nothing else is
installed yet.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
Command = list[str]
HELP = (
    "No way was found to make a virtual environment. On Debian and Ubuntu, "
    "`sudo apt install python3-venv` gives this Python what it needs; then try again."
)


class NoWay(Exception):
    """Nothing worked; the message says in plain words what to do."""


def main(arguments: list[str]) -> int:
    """Exit code 0 when everything is installed, 1 with one plain sentence on stderr."""
    if sys.version_info < OLDEST:
        return _fail("The hub needs Python 3.11 or newer.")
    venv, names = Path(arguments[0]), arguments[1:]
    try:
        install = pip_of(venv)
        _run([*install, "--require-hashes", *_files(names)])
        # Our own package, built by the pinned tools of build.txt.
        _run([*install, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    except NoWay as error:
        return _fail(str(error))
    return 0


def _files(names: list[str]) -> Command:
    return [part for name in names for part in ("-r", str(ROOT / "requirements" / f"{name}.txt"))]


def pip_of(venv: Path) -> Command:
    """The command that installs into `venv`, which is made if it is not there.

    Raises:
        NoWay: the machine has none of venv, pip, uv and apt.
    """
    python = venv / "bin" / "python"
    ways: tuple[Callable[[Path], bool], ...] = (
        _there_already,
        _with_venv,
        _with_pip_of_the_machine,
        _with_uv,
        _with_venv_from_apt,
    )
    for way in ways:
        if not way(venv):
            continue
        for probe, install in _installers(python):
            if _works(probe):
                return install
    raise NoWay(HELP)


def _installers(python: Path) -> list[tuple[Command, Command]]:
    """Ways to install into the environment of `python`: whether it is there, and how to call it."""
    quiet = ["--quiet", "--disable-pip-version-check", "--no-warn-script-location"]
    own = [str(python), "-m", "pip"]
    of_the_machine = [sys.executable, "-m", "pip", "--python", str(python)]
    ways = [([*pip, "--version"], [*pip, "install", *quiet]) for pip in (own, of_the_machine)]
    if uv := shutil.which("uv"):
        ways.append(([uv, "--version"], [uv, "pip", "install", "--quiet", "-p", str(python)]))
    return ways


def _there_already(venv: Path) -> bool:
    return (venv / "bin" / "python").exists()


def _with_venv(venv: Path) -> bool:
    return _made(venv, [sys.executable, "-m", "venv", str(venv)])


def _with_pip_of_the_machine(venv: Path) -> bool:
    """An environment without pip of its own; the machine's pip can install into it."""
    if not _works([sys.executable, "-m", "pip", "--version"]):
        return False
    return _made(venv, [sys.executable, "-m", "venv", "--without-pip", str(venv)])


def _with_uv(venv: Path) -> bool:
    uv = shutil.which("uv")
    return uv is not None and _made(venv, [uv, "venv", "-q", "-p", sys.executable, str(venv)])


def _with_venv_from_apt(venv: Path) -> bool:
    """On Debian, and as root alone: the package that holds what is missing."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    _say("Installing python3-venv with apt.")
    # An old list may still do, so the result of the update does not matter.
    _works(["apt-get", "update", "-q"])
    if not _works(["apt-get", "install", "-y", "-q", "--no-install-recommends", "python3-venv"]):
        return False
    return _with_venv(venv)


def _made(venv: Path, command: Command) -> bool:
    if _works(command) and (venv / "bin" / "python").exists():
        return True
    shutil.rmtree(venv, ignore_errors=True)
    return False


def _works(command: Command) -> bool:
    """Whether the command ends well; what it says is not shown."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603 - our own commands
    except OSError:
        return False


def _run(command: Command) -> None:
    """Run a command and show what it says.

    Raises:
        NoWay: it failed.
    """
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603 - our own commands
        raise NoWay("The packages could not be installed; what went wrong stands above.")


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def _fail(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
