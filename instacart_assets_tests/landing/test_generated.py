"""Generated files and landed ones, kept apart."""

from pathlib import Path

import pytest

from instacart_assets.landing.files import LandingError
from instacart_assets.landing.generated import check_may_generate, mark_generated, remove_generated
from instacart_assets.landing.withdrawn import read_withdrawn

SOURCES = ("orders", "promotions")


def test_an_empty_or_missing_folder_may_be_generated_into(tmp_path: Path) -> None:
    check_may_generate(tmp_path, SOURCES)
    check_may_generate(tmp_path / "missing", SOURCES)


def test_generated_files_may_be_generated_again(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("made")
    mark_generated(tmp_path, ["orders.csv"])
    check_may_generate(tmp_path, SOURCES)


@pytest.mark.parametrize("landed", ["orders.csv", "orders/part.csv"])
def test_landed_files_are_never_generated_over(tmp_path: Path, landed: str) -> None:
    (tmp_path / landed).parent.mkdir(exist_ok=True)
    (tmp_path / landed).write_text("real")
    mark_generated(tmp_path, ["promotions.csv"])
    with pytest.raises(LandingError, match="--out DIR"):
        check_may_generate(tmp_path, SOURCES)


def test_generated_files_go_and_landed_ones_stay(tmp_path: Path) -> None:
    for name in ("orders.csv", "promotions.csv"):
        (tmp_path / name).write_text(name)
    mark_generated(tmp_path, ["promotions.csv", "aisles.csv"])
    assert remove_generated(tmp_path) == ["promotions.csv"]
    assert [path.name for path in tmp_path.glob("*.csv")] == ["orders.csv"]
    assert list(read_withdrawn(tmp_path)) == ["promotions.csv"]
    assert remove_generated(tmp_path) == []


def test_a_real_file_in_the_place_of_a_generated_one_stays(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("made")
    mark_generated(tmp_path, ["orders.csv"])
    (tmp_path / "orders.csv").write_text("real")
    with pytest.raises(LandingError, match=r"holds files that were landed: orders\.csv"):
        check_may_generate(tmp_path, SOURCES)
    assert remove_generated(tmp_path) == []
    assert (tmp_path / "orders.csv").read_text() == "real"


def test_all_that_was_generated_under_a_name_is_withdrawn(tmp_path: Path) -> None:
    for content in ("first", "second"):
        (tmp_path / "orders.csv").write_text(content)
        mark_generated(tmp_path, ["orders.csv"])
    remove_generated(tmp_path)
    assert len(read_withdrawn(tmp_path)["orders.csv"]) == 2


def test_a_mark_speaks_of_its_own_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "kept.csv").write_text("outside")
    landing = tmp_path / "landing"
    landing.mkdir()
    mark_generated(landing, ["../kept.csv"])
    assert remove_generated(landing) == []
    assert (tmp_path / "kept.csv").exists()
