"""A process that imports once, and becomes a task's process each time it is told to.

For each order on standard input it forks a keeper, and the keeper forks the task's process, waits for it and tells of
it; the keeper is what ends the task's group. With the end of standard input it ends itself.
"""

import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from .start import do


def run() -> None:
    """Import what is named on the first line of standard input; then, in forked processes only, do a task's work."""
    del sys.path[0]
    told = json.loads(sys.stdin.readline())
    sys.path += told["site_packages"]
    for name in told["modules"]:
        importlib.import_module(name)
    sys.stdout.write("ready\n")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for keepers
    for line in sys.stdin:
        if os.fork() == 0:
            do(_become_task(json.loads(line)))
            return


def _become_task(order: dict[str, Any]) -> dict[str, Any]:
    """Return in the task's process alone; the keeper ends here."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid:
        _keep(pid, Path(order["fate"]))
    os.setpgid(0, 0)
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(order["home"])
    os.environ.clear()
    os.environ.update(order["environment"])
    importlib.invalidate_caches()
    work: dict[str, Any] = order["work"]
    return work


def _keep(pid: int, fate: Path) -> None:
    """Tell of a process and of its end."""
    os.setpgid(pid, pid)  # as the process itself does: whoever comes first
    with fate.open("w", buffering=1) as told:
        told.write(f"{pid}\n")
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        os.killpg(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        told.write(f"{os.waitstatus_to_exitcode(status)}\n")
    os._exit(0)
