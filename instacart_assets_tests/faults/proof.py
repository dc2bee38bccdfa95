"""How many cases are run, and the reports that tell what became of them.

Read when the tests are collected: they themselves see no settings of the shell.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

IS_PROOF = os.environ.get("HYPOTHESIS_PROFILE") == "prove"
FOLDER = os.environ.get("INSTACART_PROOF")


def scale(reduced: int, full: int) -> int:
    """How many cases a test runs that counts them itself."""
    return full if IS_PROOF else reduced


def write_report(name: str, found: Mapping[str, Any]) -> None:
    """Add to the report of this name, where a folder for reports is given."""
    if not FOLDER:
        return
    path = Path(FOLDER) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):  # tests run side by side
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**known, **found}, indent=2, sort_keys=True) + "\n")
