"""The command `hub` when something is in the way: a sentence, and exit code 1."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.processes import HubProcess


def test_a_taken_port_is_told_before_a_link_is_printed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        hub = HubProcess(tmp_path, port=taken.getsockname()[1])
        said = hub.command("serve", status=1)
    assert said == (
        f"Another program uses port {hub.port} on 127.0.0.1 already. "
        "Choose another with HUB_PORT.\n"
    )


def test_a_name_that_is_no_address_cannot_be_listened_at(tmp_path: Path) -> None:
    said = HubProcess(tmp_path, env={"HUB_HOST": "nowhere.invalid"}).command("serve", status=1)
    assert "cannot listen at port" in said
    assert said.count("\n") == 1


def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.touch()
    for words in (["serve"], ["peers"]):
        said = HubProcess(folder).command(*words, status=1)
        assert "File exists" in said or "Not a directory" in said
        assert said.count("\n") == 1


def test_a_socket_needs_its_folder(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path, env={"HUB_SOCKET": str(tmp_path / "nope" / "hub.sock")})
    assert hub.command("serve", status=1).startswith("There is no folder")


def test_a_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    gone = {"HUB_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/hub"}
    said = HubProcess(tmp_path, env=gone).command("serve", status=1)
    assert "Traceback" not in said


def test_who_reads_no_further_is_no_fault(tmp_path: Path) -> None:
    """As in `hub doctor | head`."""
    hub = HubProcess(tmp_path)
    hub.command("migrate")
    nobody, write = os.pipe()
    os.close(nobody)
    words = [sys.executable, "-u", "-m", "hub", "doctor"]
    with os.fdopen(write, "wb") as pipe:
        done = subprocess.run(
            words,
            cwd=hub.home,
            env=hub.environment,
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"")
