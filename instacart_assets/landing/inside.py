"""Whether what stands at a path below a folder is a file of that folder.

Here lives the look that follows links before anything is opened: a link that leads out would have a file read, or
written, that nobody landed, and a named pipe would be waited for without end. The folder itself may be a link, as
where it is mounted. What becomes of such a path, whoever asks decides; nothing is opened here.
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
    """What is wrong with a path below a folder; None where it is a file or a folder of it, or is not there.

    Returns:
        The end of a sentence about the path, as "leads out of the landing folder, to /etc/passwd".
    """
    place = Path(os.path.realpath(path))
    if not place.is_relative_to(os.path.realpath(folder)):
        return f"leads out of the folder {folder}, to {place}"
    try:
        kind = KINDS.get(stat.S_IFMT(place.lstat().st_mode))
    except OSError:  # whoever opens it says why it cannot be
        return None
    return f"is {kind} and no file" if kind else None
