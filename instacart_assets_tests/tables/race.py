"""Lands files and builds two small tables, again and again: one of the processes that the tests of concurrency let race.

Defines what such a process does; what must be so afterwards stands in ``test_concurrency.py``.
"""

import sys
from pathlib import Path

from instacart_assets.lakehouse.sessions import open_lake, open_session
from instacart_assets.settings import Settings
from instacart_assets.tables.build import build_table
from instacart_assets_tests.tables.things import BRONZE, SILVER

LANDED = "thing_id,name\n{number}1,a{number}\n{number}2,strawberry {number}\n{number}3\n"


def main(landing: str, root: str, run_id: str, first: str, times: str) -> None:
    """Say when ready, begin when told, and so many times land a file and build both tables, the second also anew."""
    settings = Settings(landing=Path(landing), lake=Path(root))
    lake = open_lake(settings, open_session)
    lake.session.sql("SELECT 1").collect()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    anew = settings.model_copy(update={"full": True})
    for number in range(int(first), int(first) + int(times)):
        land(settings.landing, number)
        for table, chosen in ((BRONZE, settings), (SILVER, settings), (SILVER, anew)):
            assert build_table(table, lake, chosen, f"{run_id}-{number}").version is not None


def land(landing: Path, number: int) -> None:
    """A file with a row, one that is refused, and a malformed line; it is there as a whole or not at all."""
    draft = landing / f"{number}.draft"
    draft.write_text(LANDED.format(number=number))
    draft.rename(landing / "things" / f"{number}.csv")


if __name__ == "__main__":
    main(*sys.argv[1:])
