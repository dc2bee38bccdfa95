"""What Apache Spark would have to move between machines for each table, read from its plans.

Counts shuffles and broadcasts. Plans are made as if no table were small: only what the transforms themselves request is
broadcast, and adaptive execution is off. Needs Java.

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
"""How a plan shows that rows move: to the machine of their key, or to all machines."""


def count_moves(rows: DataFrame) -> dict[str, int]:
    """How often rows move in the plan of a frame of classic Spark: ``shuffles`` and ``broadcasts``."""
    usual = {name: str(rows.sparkSession.conf.get(name)) for name in AS_IF_LARGE}
    # Set only here: queries that transforms run themselves keep the usual settings.
    for name, value in AS_IF_LARGE.items():
        rows.sparkSession.conf.set(name, value)
    plan = rows._jdf.queryExecution().executedPlan().toString()
    for name, usually in usual.items():
        rows.sparkSession.conf.set(name, usually)
    return {name: len(pattern.findall(plan)) for name, pattern in MOVES.items()}


def list_moves(landing: Path, folder: Path) -> dict[str, dict[str, int]]:
    """The moves of every table, by address, in build order.

    The embedded engine builds the tables in a separate process; Apache Spark plans them.
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
    """Print the moves as JSON, in the last line."""
    with TemporaryDirectory() as folder:
        moves = list_moves(keep_landing(users, CACHE), Path(folder))
    sys.stdout.write(f"\n{json.dumps(moves)}\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
