"""A lake that one engine wrote is read and continued by the other, as if it were its own."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from instacart_assets_tests.lake_reading import read_table, round_off
from instacart_assets_tests.parity.comparison import compare_lakes
from instacart_assets_tests.parity.conftest import Made
from instacart_assets_tests.parity.damaged_drop import mend_drop

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
CONTINUED = "+silver.orders or +silver.aisles or bronze.departments or silver.product_history"
TABLES = (
    "bronze.orders",
    "bronze.aisles",
    "bronze.departments",
    "silver.orders",
    "silver.aisles",
    "silver.product_history",
)
MENDED = {"bronze.orders", "bronze.aisles", "silver.orders", "silver.aisles"}
"""Tables that the mended files change; the others stay at the version that the first engine made."""

QUARANTINES = (
    "quarantine.orders__lines",
    "quarantine.aisles__lines",
    "quarantine.orders",
    "quarantine.aisles",
)


@pytest.fixture(scope="module")
def mended(damaged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mend_drop(damaged, tmp_path_factory.mktemp("mended") / "landing")


def ask(made: Made, request: str, lake: Path, **given: Any) -> Any:
    """The answer of an engine about any lake."""
    return made.engine.ask(request, lake=str(lake), **given).result()


def continue_lake(made: Made, begun: Path, landing: Path, place: Path) -> Path:
    """A copy of a lake, continued by an engine."""
    shutil.copytree(begun, place)
    told = ask(made, "build_tables", place, landing=str(landing), selection=CONTINUED)
    assert told["errors"] == {}
    assert set(told["made"]) == {*TABLES, *QUARANTINES, "quarantine.departments__lines"}
    return place


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.sql")), ids=lambda example: example.stem)
def test_both_engines_answer_alike_from_either_lake(example: Path, embedded: Made, apache: Made) -> None:
    embedded.told.result(), apache.told.result()
    answers = [
        ask(asked, "ask_lake", made.lake, sql=example.read_text("utf-8"))
        for asked in (embedded, apache)
        for made in (embedded, apache)
    ]
    assert len(answers[0]) > 0
    for answer in answers[1:]:
        assert len(answer) == len(answers[0])
        for row, expected in zip(answer, answers[0], strict=True):
            assert row.keys() == expected.keys()
            assert all(round_off(row[name]) == expected[name] for name in row), (row, expected)


@pytest.fixture(scope="module")
def continued(embedded: Made, mended: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded engine's lake, continued by itself."""
    return continue_lake(embedded, embedded.lake, mended, tmp_path_factory.mktemp("continued") / "lake")


@pytest.mark.parametrize("by_spark", [False, True], ids=["begun-by-spark", "continued-by-spark"])
def test_a_lake_is_continued_by_the_other_engine(
    embedded: Made, apache: Made, mended: Path, continued: Path, tmp_path: Path, *, by_spark: bool
) -> None:
    first, second = (embedded, apache) if by_spark else (apache, embedded)
    assert not first.told.result()["errors"]
    lake = continue_lake(second, first.lake, mended, tmp_path / "lake")
    differences = compare_lakes(continued, lake, [*TABLES, *QUARANTINES])
    assert not differences, "\n".join(differences)
    for address in TABLES:
        before, rows, _ = ask(first, "tell_state", first.lake, address=address, note="history")
        now = ask(first, "tell_state", lake, address=address, note="history")
        assert now == ask(second, "tell_state", lake, address=address, note="history")
        assert now[0] == before + (address in MENDED), address
        assert len(now[2]) == 1 + (address in MENDED), address
        assert rows == read_table(first.lake, address).num_rows
    for address, moment in (
        ("bronze.departments", "_ingested_at"),
        ("silver.product_history", "valid_from_at"),
    ):
        begun, kept = (read_table(place, address)[moment].unique() for place in (first.lake, lake))
        assert begun == kept, address
    resolved = read_table(lake, "quarantine.orders")["resolution"].value_counts().to_pylist()
    # The file has another fingerprint, so that what was refused of the old one is no longer landed.
    assert {found["values"] for found in resolved} == {None, "withdrawn"}


def test_an_older_version_is_read_by_the_other_engine(
    embedded: Made, apache: Made, tmp_path: Path, mended: Path, damaged: Path
) -> None:
    assert not apache.told.result()["errors"]
    lake = tmp_path / "lake"
    shutil.copytree(apache.lake, lake)
    for maker, reader, landing in ((embedded, apache, mended), (apache, embedded, damaged)):
        version, _, _ = ask(reader, "tell_state", lake, address="bronze.aisles", note="run_id")
        before = ask(reader, "read_version", lake, address="bronze.aisles", version=version)
        told = ask(maker, "build_tables", lake, landing=str(landing), selection="bronze.aisles")
        assert told["errors"] == {}
        for engine in (maker, reader):
            assert ask(engine, "tell_state", lake, address="bronze.aisles", note="run_id")[0] == version + 1
            assert ask(engine, "read_version", lake, address="bronze.aisles", version=version) == before
