"""Builds two small tables again and again: one of the processes that the tests of concurrency let race.

Here lives what such a process does; what must be so afterwards stands in ``test_concurrency.py``.
"""

import sys
from pathlib import Path

from instacart_assets.lakehouse.sessions import open_lake, open_session
from instacart_assets.settings import Settings
from instacart_assets.tables.build import build_table
from instacart_assets_tests.tables.things import BRONZE, SILVER


def main(landing: str, root: str, run_id: str, times: str) -> None:
    """Say when ready, begin when told, and build both tables so many times."""
    settings = Settings(landing=Path(landing), lake=Path(root))
    lake = open_lake(settings, open_session)
    lake.session.sql("SELECT 1").collect()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for number in range(int(times)):
        for table in (BRONZE, SILVER):
            assert build_table(table, lake, settings, f"{run_id}-{number}").version is not None


if __name__ == "__main__":
    main(*sys.argv[1:])
