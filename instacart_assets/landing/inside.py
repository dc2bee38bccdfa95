"""Checks that a path below a folder really is a file inside that folder.

Contains the check that resolves links before anything is opened: a link that leads out would cause a file outside
to be read or written, and reading a named pipe would block forever. The folder itself may be a link, for example a
mount. The caller decides what to do with such a path; nothing is opened here.
"""

import os
import stat
from pathlib import Path

KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def find_intrusion(path: Path, folder: Path) -> str | None:
    """What is wrong with a path below a folder; None where it is a file or folder inside, or does not exist.

    Returns:
        The end of a sentence about the path, e.g. "leads out of the folder /data/landing, to /etc/passwd".
    """
    place = Path(os.path.realpath(path))
    if not place.is_relative_to(os.path.realpath(folder)):
        return f"leads out of the folder {folder}, to {place}"
    try:
        kind = KINDS.get(stat.S_IFMT(place.lstat().st_mode))
    except OSError:  # the error is reported when the file is opened
        return None
    return f"is {kind} and no file" if kind else None
