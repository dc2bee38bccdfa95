"""What audit-before-publish costs a table that passes: staging and publishing against a plain overwrite.

Reads a published table and writes it both ways, by turns, so that both meet the same caches; prints the medians.

    python benchmarks/publish.py LAKE [TABLE] [ROUNDS]
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from instacart_assets.contracts.load import load_contracts
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.sessions import open_session


def measure(lake: FolderLake, address: str, rounds: int) -> tuple[float, float]:
    """Median seconds of a plain overwrite by the engine, and of staging and publishing, of the same rows."""
    rows, contract = lake.read(address), load_contracts()[address]
    with TemporaryDirectory(dir=lake.root.parent) as folder:
        other = FolderLake(Path(folder), open_session)
        plain = str(Path(folder) / "plain")

        def overwrite() -> None:
            rows.write.format("delta").mode("overwrite").save(plain)

        def publish() -> None:
            other.publish(other.stage(rows, contract, other.pin(address), "benchmark"))

        seconds = [(clock(overwrite), clock(publish)) for _ in range(rounds)]
    return median(one for one, _ in seconds), median(two for _, two in seconds)


def clock(work: Callable[[], None]) -> float:
    """Seconds that work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    root, address, rounds = [*sys.argv[1:], *["silver.order_items", "5"][len(sys.argv) - 2 :]]
    plain, published = measure(FolderLake(Path(root), open_session), address, int(rounds))
    sys.stdout.write(
        f"{address}: overwrite {plain:.1f} s, stage and publish {published:.1f} s ({published / plain - 1:+.0%})\n"
    )
