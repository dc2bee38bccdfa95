"""Writes the files: in the exact layout of the public files, and never half-written under their final name.

Plain headers, LF, no byte order mark, hours as ``08``, days as ``15.0``, quotes only where a name needs them.
Arrays in, bytes out; nothing is drawn at random or computed here.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from instacart_assets.synthetic.arrays import Flags, Ints
from instacart_assets.synthetic.visits import EVAL_SETS, NO_GAP, Visits

ORDERS, PRIOR_LINES, TRAIN_LINES = "orders.csv", "order_products__prior.csv", "order_products__train.csv"
PRODUCTS, AISLES, DEPARTMENTS, PROMOTIONS = "products.csv", "aisles.csv", "departments.csv", "promotions.csv"
LANDING_FILES = (ORDERS, PRIOR_LINES, TRAIN_LINES, PRODUCTS, AISLES, DEPARTMENTS, PROMOTIONS)

_ORDER_COLUMNS = (
    "order_id",
    "user_id",
    "eval_set",
    "order_number",
    "order_dow",
    "order_hour_of_day",
    "days_since_prior_order",
)
_LINE_COLUMNS = ("order_id", "product_id", "add_to_cart_order", "reordered")
_HOURS = pa.array([f"{hour:02d}" for hour in range(24)])
_GAPS = pa.array([*(f"{days}.0" for days in range(31)), None])  # the last one stands for "no gap"
_EVAL_SETS = pa.array(EVAL_SETS)


@contextmanager
def staged(targets: Iterable[Path]) -> Iterator[Mapping[Path, Path]]:
    """Paths to write to instead of the targets; they are renamed to the targets only if everything succeeds.

    Yields:
        The temporary path of every target, in the target's own folder.
    """
    partial = {target: target.with_name(f".{target.name}.partial") for target in targets}
    for path in partial.values():
        path.unlink(missing_ok=True)  # it may be a link, which would be written through
    try:
        yield partial
        for target, path in partial.items():
            path.replace(target)
    finally:
        for path in partial.values():
            path.unlink(missing_ok=True)


class GrowingTable:
    """A CSV file written batch by batch; no value may need quotes."""

    def __init__(self, path: Path, columns: Sequence[str], types: Sequence[pa.DataType]) -> None:
        self._schema = pa.schema(list(zip(columns, types, strict=True)))
        self._file: BinaryIO = path.open("wb")
        self._file.write((",".join(columns) + "\n").encode())  # Arrow would quote the header
        options = arrow_csv.WriteOptions(include_header=False, quoting_style="none")
        self._writer = arrow_csv.CSVWriter(self._file, self._schema, write_options=options)
        self.rows = 0

    def append(self, columns: Sequence[pa.Array]) -> None:
        """Append rows, given as columns."""
        self._writer.write_batch(pa.record_batch(columns, schema=self._schema))
        self.rows += len(columns[0])

    def __enter__(self) -> Self:
        """The table itself, open for batches."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Flush and close, also after an error."""
        self._writer.close()
        self._file.close()


class OrdersFile(GrowingTable):
    """``orders.csv``, written chunk by chunk of users."""

    def __init__(self, path: Path) -> None:
        kinds = [pa.int64(), pa.int64(), pa.string(), pa.int64(), pa.int64(), pa.string(), pa.string()]
        super().__init__(path, _ORDER_COLUMNS, kinds)

    def append_visits(self, order_ids: Ints, visits: Visits) -> None:
        """Append the orders of a chunk."""
        self.append(
            [
                pa.array(order_ids, pa.int64()),
                pa.array(visits.user_ids[visits.user], pa.int64()),
                _EVAL_SETS.take(pa.array(visits.eval_set)),
                pa.array(visits.number, pa.int64()),
                pa.array(visits.dow, pa.int64()),
                _HOURS.take(pa.array(visits.hour)),
                _GAPS.take(pa.array(np.where(visits.gap == NO_GAP, len(_GAPS) - 1, visits.gap))),
            ]
        )


class LinesFile(GrowingTable):
    """One of the two ``order_products`` files, written chunk by chunk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _LINE_COLUMNS, [pa.int64(), pa.int64(), pa.int64(), pa.int8()])

    def append_lines(self, order_ids: Ints, product_ids: Ints, positions: Ints, reordered: Flags) -> None:
        """Append order lines."""
        self.append(
            [
                pa.array(order_ids, pa.int64()),
                pa.array(product_ids, pa.int64()),
                pa.array(positions, pa.int64()),
                pa.array(reordered.astype(np.int8)),
            ]
        )


def write_small_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write a table that fits in memory; returns its number of rows.

    Values that hold a comma or a double quote are quoted and the double quotes in them doubled; backslashes are
    left alone, as in the public ``products.csv``.
    """
    written = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(row)
            written += 1
    return written
