"""The same arguments give the same bytes, and a run leaves nothing half done."""

from pathlib import Path

import numpy as np
import pytest

from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.synthetic import generate as generate_module
from instacart_assets.synthetic.files import LANDING_FILES
from instacart_assets.synthetic.generate import CHUNK_USERS, GeneratedFiles, default_truth_path, generate


def read_all(files: GeneratedFiles) -> dict[str, bytes]:
    content = {name: path.read_bytes() for name, path in files.paths.items()}
    return content | {"truth": files.truth.read_bytes()}


def test_same_seed_same_bytes_whatever_else_is_random(small_files: GeneratedFiles, tmp_path: Path) -> None:
    np.random.seed(99)
    again = generate(500, seed=11, out=tmp_path / "again")
    assert read_all(again) == read_all(small_files)
    assert again.rows == small_files.rows


def test_other_seed_other_bytes_in_every_file(small_files: GeneratedFiles, tmp_path: Path) -> None:
    other, first = read_all(generate(500, seed=12, out=tmp_path / "other")), read_all(small_files)
    assert {name for name in other if other[name] == first[name]} == {"aisles.csv", "departments.csv"}


def test_several_chunks_are_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate_module, "CHUNK_USERS", 64)
    monkeypatch.setattr(generate_module, "_BLOCK_ORDERS", 100)
    seen: list[tuple[int, int]] = []
    files = generate(200, 3, tmp_path / "landing", on_progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert {total for _, total in seen} == {len(seen)}
    lines = (files.landing / "orders.csv").read_text().splitlines()[1:]
    assert sorted(int(line.split(",")[0]) for line in lines) == list(range(1, len(lines) + 1))
    assert sorted({int(line.split(",")[1]) for line in lines}) == list(range(1, 201))


def test_row_counts_are_those_of_the_files(small_files: GeneratedFiles) -> None:
    counted = {name: path.read_bytes().count(b"\n") - 1 for name, path in small_files.paths.items()}
    assert counted == small_files.rows
    assert set(counted) == set(LANDING_FILES)
    assert small_files.users < CHUNK_USERS  # else this set tests other things than it seems to


def test_own_files_are_replaced_and_others_stay(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    landing.mkdir()
    (landing / "notes.txt").write_text("mine")
    (landing / "orders.csv").write_text("old")
    files = generate(5, 1, landing)
    assert (landing / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in landing.iterdir()) == sorted([*LANDING_FILES, "notes.txt"])
    assert (landing / "orders.csv").read_text().count("\n") == files.rows["orders.csv"] + 1


def test_interrupted_run_leaves_the_old_files_and_no_new_ones(tmp_path: Path) -> None:
    generate(5, 1, tmp_path / "landing")
    before = {path.name: path.read_bytes() for path in (tmp_path / "landing").iterdir()}

    def interrupt(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(5, 2, tmp_path / "landing", on_progress=interrupt)
    assert {path.name: path.read_bytes() for path in (tmp_path / "landing").iterdir()} == before


def test_truth_lies_beside_the_landing_folder(small_files: GeneratedFiles) -> None:
    assert small_files.truth == small_files.landing.with_name("landing_truth") / "promotion_truth.csv"
    assert default_truth_path(Path("landing")).is_absolute()
    assert not any("lift" in path.read_text().splitlines()[0] for path in small_files.paths.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"users": 0}, "At least one user"),
        ({"users": -3}, "At least one user"),
        ({"seed": -1}, "zero or more"),
        ({"products": 133}, "at least 134 products"),
        ({"products": 65_537}, "at most 65,536 products"),
        ({"calendar": OrderCalendar(window_weeks=40)}, "set window_weeks to 72 or more"),
    ],
)
def test_bad_arguments_are_explained(arguments: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        generate(**({"users": 5, "seed": 1, "out": tmp_path / "landing"} | arguments))  # type: ignore[arg-type]
    assert not (tmp_path / "landing").exists()


def test_truth_inside_the_landing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="outside"):
        generate(5, 1, tmp_path / "landing", truth=tmp_path / "landing" / "deep" / "truth.csv")


def test_a_file_is_no_landing_folder(tmp_path: Path) -> None:
    (tmp_path / "landing").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        generate(5, 1, tmp_path / "landing")


def test_shortest_calendar_that_is_accepted(tmp_path: Path) -> None:
    files = generate(5, 1, tmp_path / "landing", calendar=OrderCalendar(window_weeks=72))
    assert files.rows["promotions.csv"] > 0


@pytest.mark.parametrize("products", [134, 150])
def test_tiny_catalogues_still_fill_large_baskets(products: int, tmp_path: Path) -> None:
    files = generate(40, 1, tmp_path / "landing", products=products)
    assert files.rows["products.csv"] == products
