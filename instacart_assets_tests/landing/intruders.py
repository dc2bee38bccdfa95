"""What does not belong in a landing folder, put there: links that lead out, a pipe, a socket."""

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

FOREIGN = "thing_id,name\n1,foreign\n"
"""What lies outside; it has the columns of a source, so that only its place can be a reason to refuse it."""


def link_out(path: Path) -> None:
    """A link to a file beside the landing folder."""
    path.symlink_to(_write_outside(path) / "secret.csv")


def link_out_by_dots(path: Path) -> None:
    """The same, spelled so that it begins in the landing folder."""
    outside = _write_outside(path)
    path.symlink_to(Path("..", outside.name, "secret.csv"))


def link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


INTRUDERS: Mapping[str, tuple[Callable[[Path], None], str]] = {
    "link out": (link_out, "leads out of the folder"),
    "link out by dots": (link_out_by_dots, "leads out of the folder"),
    "link to a device": (link_to_device, "leads out of the folder"),
    "pipe": (make_pipe, "is a named pipe and no file"),
    "socket": (make_socket, "is a socket and no file"),
}
"""How each is made at a path right below the landing folder, and what is said of it."""


def _write_outside(path: Path) -> Path:
    outside = path.parent.with_name("outside")
    outside.mkdir(exist_ok=True)
    (outside / "secret.csv").write_text(FOREIGN)
    return outside
