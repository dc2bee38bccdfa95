"""What Apache Spark would have to move between machines for each table, read from its plans.

Here lives the counting of shuffles and broadcasts. Plans are made as if no table were small: nothing but what the
transforms themselves ask for is broadcast, and nothing is decided while a plan runs. Needs Java.

    python -m benchmarks.plans [USERS]
"""

import json
import re
import sys
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from pyspark.sql import DataFrame

from benchmarks.bare import build_tables, make_rows
from benchmarks.volume import CACHE, keep_landing
from instacart_assets.graph import all_tables, sort_tables
from instacart_assets.lakehouse.sessions import open_lake, open_session
from instacart_assets.settings import Settings

USERS = 300
AS_IF_LARGE = {"spark.sql.adaptive.enabled": "false", "spark.sql.autoBroadcastJoinThreshold": "-1"}

MOVES = {
    "shuffles": re.compile(r"^[\s:|+-]*(?:\*\(\d+\) )?Exchange ", re.MULTILINE),
    "broadcasts": re.compile(r"^[\s:|+-]*(?:\*\(\d+\) )?BroadcastExchange ", re.MULTILINE),
}
"""How a plan says that rows move: to the machine that has their key, or to all."""


def count_moves(rows: DataFrame) -> dict[str, int]:
    """How often rows move in the plan of a frame of classic Spark: ``shuffles`` and ``broadcasts``."""
    usual = {name: str(rows.sparkSession.conf.get(name)) for name in AS_IF_LARGE}
    # Only here: what transforms ask for on the way is answered as quickly as ever.
    for name, value in AS_IF_LARGE.items():
        rows.sparkSession.conf.set(name, value)
    plan = rows._jdf.queryExecution().executedPlan().toString()
    for name, usually in usual.items():
        rows.sparkSession.conf.set(name, usually)
    return {name: len(pattern.findall(plan)) for name, pattern in MOVES.items()}


def list_moves(landing: Path, folder: Path) -> dict[str, dict[str, int]]:
    """The moves of every table, by address, in the order in which tables are made.

    The embedded engine makes the tables, in a process of its own; Apache Spark plans them.
    """
    made_here = Settings(landing=landing, lake=folder)
    builder = get_context("spawn").Process(target=build_tables, args=(made_here,))
    builder.start()
    builder.join()
    if builder.exitcode:
        raise SystemExit("the tables to plan for were not made; what failed is written above")
    settings = Settings(landing=landing, lake=folder, target="spark")
    session = open_session(settings.target)
    lake = open_lake(settings, lambda: session)
    return {
        table.address: count_moves(make_rows(table, lake, settings, session))
        for table in sort_tables(all_tables())
    }


def main(users: int = USERS) -> None:
    """Say the moves as JSON, in the last line."""
    with TemporaryDirectory() as folder:
        moves = list_moves(keep_landing(users, CACHE), Path(folder))
    sys.stdout.write(f"\n{json.dumps(moves)}\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
