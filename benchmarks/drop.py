"""What a drop of new orders costs, against making everything: the time of each table both ways.

Generates a shop, holds back the last orders of some customers, builds all else, lands what was held back and runs again.
The run by which the share is measured is one that makes all tables of all files.

    python benchmarks/drop.py [USERS] [SHARE]
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from instacart_assets.runs import GraphRun, run_graph
from instacart_assets.settings import Settings
from instacart_assets.synthetic.generate import generate

ORDERS, BASKETS = "orders", ("order_products__prior", "order_products__train")
SEED = 2026


def hold_back(landing: Path, held: Path, share: float) -> int:
    """Move the last orders of customers, evenly chosen, with their lines into files of their own; how many."""
    orders = read(landing / f"{ORDERS}.csv")
    last = orders.append_column("number", pc.cast(orders["order_number"], pa.int64()))
    highest = last.group_by("user_id").aggregate([("number", "max")])
    ends = last.join(highest, "user_id").filter(pc.equal(pc.field("number"), pc.field("number_max")))
    count = int(share * orders.num_rows)
    chosen = ends.sort_by([("order_id", "ascending")])["order_id"].slice(0, count)
    for source in (ORDERS, *BASKETS):
        rows = orders if source == ORDERS else read(landing / f"{source}.csv")
        is_held = pc.is_in(rows["order_id"], chosen.combine_chunks())
        write(rows.filter(pc.invert(is_held)), landing / f"{source}.csv")
        write(rows.filter(is_held), held / source / "drop.csv")
    return len(chosen)


def read(path: Path) -> pa.Table:
    """A landed file, as text."""
    header = path.open(encoding="utf-8").readline().strip().split(",")
    options = csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False)
    return csv.read_csv(path, convert_options=options)


def write(rows: pa.Table, path: Path) -> None:
    """A file to land; none where there are no rows."""
    if rows.num_rows:
        path.parent.mkdir(parents=True, exist_ok=True)
        csv.write_csv(rows, path, csv.WriteOptions(quoting_style="none"))


def clock(landing: Path, lake: Path) -> tuple[float, GraphRun]:
    """Seconds of a run without the start of the engine, and the run."""
    started = time.perf_counter()
    run = run_graph(Settings(landing=landing, lake=lake))
    if not run.is_success:
        raise SystemExit(f"not published: {[table.address for table in run.tables if table.error]}")
    return time.perf_counter() - started, run


def main(users: int, share: float) -> None:
    """Measure and print."""
    with TemporaryDirectory() as folder:
        landing, held, lake = (Path(folder) / name for name in ("landing", "held", "lake"))
        generate(users, SEED, landing)
        count = hold_back(landing, held, share)
        clock(landing, lake)
        for path in held.glob("*/*.csv"):
            target = landing / path.relative_to(held)
            target.parent.mkdir(exist_ok=True)
            path.rename(target)
        follow, followed = clock(landing, lake)
        anew, made = clock(landing, Path(folder) / "anew")
    lines = [
        f"{two.address:<32}{two.seconds or 0:>8.1f}{one.seconds or 0:>8.1f}"
        for one, two in zip(followed.tables, made.tables, strict=True)
    ]
    sys.stdout.write(f"{'seconds':<32}{'all':>8}{'drop':>8}\n" + "\n".join(lines))
    sys.stdout.write(
        f"\n{users:,} customers, a drop of {count:,} orders: {follow:.0f} s of {anew:.0f} s ({follow / anew:.0%})\n"
    )


if __name__ == "__main__":
    users, share = [*sys.argv[1:], *["2000", "0.01"][len(sys.argv) - 1 :]]
    main(int(users), float(share))
