"""Files to measure on: made once, and split into most of them and a drop."""

from pathlib import Path

import pytest

from benchmarks.volume import ORDERS, hold_back, keep_landing, land_drop, read

USERS = 40


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keep_landing(USERS, tmp_path_factory.mktemp("cache"))


def test_files_are_generated_once(landing: Path) -> None:
    moments = {path.name: path.stat().st_mtime_ns for path in landing.iterdir()}
    assert keep_landing(USERS, landing.parent) == landing
    assert {path.name: path.stat().st_mtime_ns for path in landing.iterdir()} == moments
    assert [path.name for path in landing.parent.iterdir()] == [landing.name]


def test_most_files_and_the_drop_hold_every_order_once(landing: Path, tmp_path: Path) -> None:
    orders = read(landing / f"{ORDERS}.csv")
    count = hold_back(landing, tmp_path / "split", 0.02)
    assert count == int(0.02 * orders.num_rows) > 0
    land_drop(tmp_path / "split")
    most = tmp_path / "split" / "most"
    kept, dropped = read(most / f"{ORDERS}.csv"), read(most / ORDERS / "drop.csv")
    assert dropped.num_rows == count
    assert sorted(kept["order_id"].to_pylist() + dropped["order_id"].to_pylist()) == sorted(
        orders["order_id"].to_pylist()
    )


def test_an_order_in_the_drop_is_the_last_of_its_customer_and_takes_its_lines_along(
    landing: Path, tmp_path: Path
) -> None:
    hold_back(landing, tmp_path / "split", 0.02)
    land_drop(tmp_path / "split")
    most = tmp_path / "split" / "most"
    dropped = read(most / ORDERS / "drop.csv").to_pylist()
    kept = read(most / f"{ORDERS}.csv").to_pylist()
    for order in dropped:
        numbers = [int(one["order_number"]) for one in kept if one["user_id"] == order["user_id"]]
        assert int(order["order_number"]) == max(numbers) + 1
    held = {order["order_id"] for order in dropped}
    lines = {path.parent.name: read(path).to_pylist() for path in most.glob("order_products__*/drop.csv")}
    assert lines
    assert {line["order_id"] for part in lines.values() for line in part} <= held
    for source in lines:
        assert not held & {line["order_id"] for line in read(most / f"{source}.csv").to_pylist()}
