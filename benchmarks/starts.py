"""How long a new user's first commands take.

Lists the commands, and how long each may take. Each is measured as a separate process, from start to end; what it
writes goes to a folder that is deleted afterwards, and nothing is installed meanwhile.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROUNDS = 3
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Start:
    """A command that a new user runs first.

    Attributes:
        words: the command.
        most: the most seconds that it may take.
    """

    words: tuple[str, ...]
    most: float


STARTS: Mapping[str, Start] = {
    "`instacart --help`": Start((str(Path(sys.executable).parent / "instacart"), "--help"), 1.0),
    "loading the definitions": Start(
        (
            *(sys.executable, "-c"),
            "from instacart_assets.definitions import build_defs; build_defs().get_repository_def()",
        ),
        5.0,
    ),
    "`make demo`, installed": Start(("make", "demo"), 60.0),
}


def clock_starts() -> dict[str, list[float]]:
    """Seconds of each round of each command, taking turns; every command must succeed."""
    seconds: dict[str, list[float]] = {name: [] for name in STARTS}
    for _ in range(ROUNDS):
        for name, start in STARTS.items():
            seconds[name].append(round(_clock(start.words), 2))
    return seconds


def _clock(words: tuple[str, ...]) -> float:
    with TemporaryDirectory() as folder:
        place = Path(folder)
        own = {name: value for name, value in os.environ.items() if not name.startswith("INSTACART_")}
        settings = {
            "INSTACART_LANDING": str(place / "landing"),
            "INSTACART_LAKE": str(place / "lake"),
            "INSTACART_REPORT": str(place / "report.html"),
        }
        home = [f"DAGSTER_HOME={place / 'home'}"] if words[0] == "make" else []
        started = time.perf_counter()
        subprocess.run(  # noqa: S603 - our own command
            [*words, *home], check=True, cwd=ROOT, env=own | settings, stdout=subprocess.DEVNULL
        )
        return time.perf_counter() - started
