"""`deploy/install.sh`, run against another root than / and against stand-ins for apt and systemd.

What it writes, and that a second run changes nothing of a steward's; not that Debian's packages are
what they are.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "install.sh"
NAMED = "HUB_URL=https://hub.example"
LINK = "https://hub.example/sign-in/once"
STAND_IN = '#!/bin/sh\necho "$(basename "$0") $*" >>"$SAID"\n'


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Path]:
    """A root folder, with programs that only note what they were asked, and a hub's socket."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("apt-get", "systemctl", "make"):
        (tools / name).write_text(STAND_IN)
    (tools / "id").write_text("#!/bin/sh\necho 0\n")
    caddy = Path(sys.executable).with_name("caddy")
    (tools / "caddy").write_text(f'#!/bin/sh\nexec {caddy} "$@"\n' if caddy.exists() else STAND_IN)
    for tool in tools.iterdir():
        tool.chmod(0o755)
    # The script's own copy, so that the command which it installs is a stand-in as well.
    hub = tmp_path / "src" / "deploy"
    shutil.copytree(ROOT / "deploy", hub)
    (hub / "hub").write_text(f'#!/bin/sh\necho "hub $*" >>"$SAID"\necho {LINK}\n')
    (tmp_path / "root" / "var" / "lib" / "hub").mkdir(parents=True)
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        here = os.open(tmp_path / "root" / "var" / "lib" / "hub", os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{here}/hub.sock")  # the whole path may be too long for one
        os.close(here)
        yield tmp_path


def _install(machine: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(machine / "src" / "deploy" / "install.sh"), *arguments],
        env={
            "PATH": f"{machine / 'tools'}:/usr/bin:/bin",
            "HOME": str(machine),
            "HUB_INSTALL_ROOT": str(machine / "root"),
            "SAID": str(machine / "said"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def _files(machine: Path) -> dict[str, str]:
    root = machine / "root"
    return {
        str(path.relative_to(root)): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_t01_one_command_writes_all_that_a_hub_needs_and_prints_the_link(machine: Path) -> None:
    done = _install(machine, "hub.example")
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith(LINK)
    files = _files(machine)
    assert NAMED in files["etc/hub/hub.env"].splitlines()
    assert (machine / "root/etc/hub/hub.env").stat().st_mode & 0o077 == 0
    here = str(machine / "src")
    for unit in ("hub.service", "hub-work@.service", "hub-backup.service"):
        text = files[f"etc/systemd/system/{unit}"]
        assert f"ExecStart={here}/.venv/bin/hub " in text
        assert "/opt/hub" not in text
    assert files["etc/caddy/Caddyfile"] == "import hub.caddy\n"
    assert "\nhub.example {\n" in files["etc/caddy/hub.caddy"]
    said = (machine / "said").read_text()
    for line in ("make -C", "systemctl restart hub", "enable --now hub-backup.timer", "hub setup"):
        assert line in said, line


def test_a_second_run_keeps_settings_and_other_sites(machine: Path) -> None:
    assert _install(machine, "hub.example").returncode == 0
    env = machine / "root/etc/hub/hub.env"
    env.write_text(env.read_text() + "HUB_SMTP_URL=smtp://mail.example\n")
    caddyfile = machine / "root/etc/caddy/Caddyfile"
    caddyfile.write_text('import hub.caddy\nother.example {\n\trespond "hello"\n}\n')
    before = _files(machine)
    again = _install(machine)
    assert again.returncode == 0, again.stderr
    assert _files(machine) == before
    assert LINK not in again.stdout, "nobody needs another key to the house"
    assert "hub setup --link" in again.stdout


def test_a_page_of_debian_gives_way_and_a_site_of_somebody_does_not(machine: Path) -> None:
    folder = machine / "root/etc/caddy"
    folder.mkdir(parents=True)
    (folder / "Caddyfile").write_text(":80 {\n\troot * /usr/share/caddy\n\tfile_server\n}\n")
    assert _install(machine, "hub.example").returncode == 0
    assert (folder / "Caddyfile").read_text() == "import hub.caddy\n"
    assert (folder / "Caddyfile.before-hub").read_text().startswith(":80 {")
    (folder / "Caddyfile").write_text('other.example {\n\trespond "hello"\n}\n')
    assert _install(machine, "hub.example").returncode == 0
    assert (folder / "Caddyfile").read_text().endswith("}\nimport hub.caddy\n")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "Say the hub's name"),
        ("https://hub.example", "Say the hub's name"),
        ("localhost", "no name that others can reach"),
        ("hub.example;reboot", "Say the hub's name"),
    ],
)
def test_a_name_that_makes_no_sense_is_refused_before_anything_is_done(
    machine: Path, name: str, told: str
) -> None:
    done = _install(machine, name)
    assert done.returncode == 1
    assert told in done.stderr
    assert _files(machine) == {}
    assert not (machine / "said").exists()


def test_another_name_than_before_is_refused(machine: Path) -> None:
    assert _install(machine, "hub.example").returncode == 0
    done = _install(machine, "elm.example")
    assert done.returncode == 1
    assert "says another address" in done.stderr


@pytest.mark.parametrize("script", ["install.sh", "hub"])
def test_the_scripts_are_sound(script: str) -> None:
    path = ROOT / "deploy" / script
    assert os.access(path, os.X_OK)
    subprocess.run(["/bin/sh", "-n", str(path)], check=True)
    checker = shutil.which("shellcheck")
    if checker is None:
        pytest.skip("shellcheck is not installed")
    found = subprocess.run([checker, str(path)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
