"""Generated landing files of a given size, made once and kept, and a drop of new orders held back from them.

A drop is a batch of newly landed files. This is the data to measure on; nothing is measured here.
"""

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from instacart_assets.synthetic.generate import generate

CACHE = Path("data/bench")
SEED = 2026
ORDERS, BASKETS = "orders", ("order_products__prior", "order_products__train")


def keep_landing(users: int, cache: Path = CACHE) -> Path:
    """The landing folder with a number of generated customers; generated if it is not in the cache."""
    landing = cache / f"landing-{users}"
    if not landing.exists():
        begun = landing.with_name(f"{landing.name}.begun")
        shutil.rmtree(begun, ignore_errors=True)
        generate(users, SEED, begun / "landing")
        (begun / "landing").rename(landing)
        shutil.rmtree(begun)
    return landing


def hold_back(landing: Path, target: Path, share: float) -> int:
    """Split a landing folder in two: most of it, and a drop with the last orders of evenly chosen customers.

    Args:
        landing: folder of generated files.
        target: folder to create; ``most`` and ``drop`` below it are landing folders.
        share: the share of all orders that goes into the drop.

    Returns:
        Number of orders in the drop.
    """
    most, drop = target / "most", target / "drop"
    shutil.rmtree(target, ignore_errors=True)
    most.mkdir(parents=True)
    for path in landing.glob("*.csv"):
        if path.stem not in (ORDERS, *BASKETS):
            os.link(path, most / path.name)
    orders = read(landing / f"{ORDERS}.csv")
    chosen = _choose_last(orders, int(share * orders.num_rows))
    for source in (ORDERS, *BASKETS):
        rows = orders if source == ORDERS else read(landing / f"{source}.csv")
        is_held = pc.is_in(rows["order_id"], chosen)
        write(rows.filter(pc.invert(is_held)), most / f"{source}.csv")
        write(rows.filter(is_held), drop / source / "drop.csv")
    return len(chosen)


def _choose_last(orders: pa.Table, count: int) -> pa.Array:
    numbered = orders.append_column("number", pc.cast(orders["order_number"], pa.int64()))
    highest = numbered.group_by("user_id").aggregate([("number", "max")])
    ends = numbered.join(highest, "user_id").filter(pc.equal(pc.field("number"), pc.field("number_max")))
    return ends.sort_by([("order_id", "ascending")])["order_id"].slice(0, count).combine_chunks()


def land_drop(target: Path) -> None:
    """Land the drop beside most of the files, as a person would: each file in the folder of its source."""
    for path in (target / "drop").glob("*/*.csv"):
        landed = target / "most" / path.relative_to(target / "drop")
        landed.parent.mkdir()
        os.link(path, landed)


def read(path: Path) -> pa.Table:
    """Read a landed file, all columns as text."""
    names = csv.open_csv(path).schema.names
    options = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    return csv.read_csv(path, convert_options=options)


def write(rows: pa.Table, path: Path) -> None:
    """Write a file to land; none if there are no rows."""
    if rows.num_rows:
        path.parent.mkdir(parents=True, exist_ok=True)
        csv.write_csv(rows, path, csv.WriteOptions(quoting_style="none", quoting_header="none"))
