"""strace as an instrument: what a hub asks of the kernel, and stopping it at one such request."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

DURABLE = "pwrite64,fdatasync,fsync,ftruncate,unlink,rename,renameat,renameat2"


@cache
def why_not() -> str | None:
    """Why nothing can be traced here; None where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed (on Debian: apt install strace)"
    done = subprocess.run(
        ["strace", "-f", "-o", "/dev/null", "-e", "inject=getppid:error=EPERM:when=1", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode == 0 else f"strace may not trace here: {done.stderr.strip()}"
