"""Declaring tables, and finding those declared."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.contracts.load import load_contracts
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.tables.declare import DeclarationError, find_tables, make_table, table
from instacart_assets.tables.moment import Moment


def test_a_declared_function_is_still_the_plain_function(spark: SparkSession) -> None:
    def aisles(bronze_aisles: DataFrame) -> DataFrame:
        """One row per aisle."""
        return bronze_aisles.limit(1)

    declared = table("silver.aisles")(aisles)
    assert declared is aisles
    assert declared(spark.range(5)).count() == 1


def test_parameters_name_the_tables_and_the_settings_that_a_function_takes() -> None:
    def orders(bronze_order_products__prior: DataFrame, calendar: OrderCalendar) -> DataFrame:
        raise NotImplementedError

    made = make_table("silver.orders", orders)
    assert made.address == "silver.orders"
    assert made.contract is load_contracts()["silver.orders"]
    assert made.transform is orders
    assert made.sources == {"bronze_order_products__prior": "bronze.order_products__prior"}
    assert made.settings == {"calendar": OrderCalendar}
    assert made.history is None


def test_a_parameter_that_names_the_table_itself_takes_its_former_rows() -> None:
    def continue_aisles(bronze_aisles: DataFrame, silver_aisles: DataFrame, moment: Moment) -> DataFrame:
        raise NotImplementedError

    made = make_table("silver.aisles", continue_aisles)
    assert made.history == "silver_aisles"
    assert made.sources == {"bronze_aisles": "bronze.aisles"}
    assert made.dependencies == ("bronze.aisles",)
    assert made.settings == {"moment": Moment}


def _take_nothing() -> DataFrame:
    raise NotImplementedError


def _take_aisles(aisles: DataFrame) -> DataFrame:
    return aisles


def _take_silver(silver: DataFrame) -> DataFrame:
    return silver


def _take_unknown(silver_nothing: DataFrame) -> DataFrame:
    return silver_nothing


def _take_platinum(platinum_aisles: DataFrame) -> DataFrame:
    return platinum_aisles


def _take_landed(landing_aisles: DataFrame) -> DataFrame:
    return landing_aisles


def _take_without_annotation(bronze_aisles):  # type: ignore[no-untyped-def]
    return bronze_aisles


def _take_text(bronze_aisles: "list[str] | None") -> DataFrame:
    raise NotImplementedError


def _take_a_number(bronze_aisles: int) -> DataFrame:
    raise NotImplementedError


def _take_a_folder(bronze_aisles: Path) -> DataFrame:
    raise NotImplementedError


def test_a_table_may_be_made_of_nothing() -> None:
    assert make_table("gold.dim_date", _take_nothing).sources == {}


def test_a_table_without_a_contract_is_told_which_file_to_write() -> None:
    with pytest.raises(DeclarationError) as refused:
        table("silver.nothing")(_take_nothing)
    assert str(refused.value) == (
        "silver.nothing has no contract; write instacart_assets/contracts/silver/nothing.yml"
    )


@pytest.mark.parametrize(
    ("transform", "parameter"),
    [
        (_take_aisles, "aisles"),
        (_take_silver, "silver"),
        (_take_unknown, "silver_nothing"),
        (_take_platinum, "platinum_aisles"),
        (_take_landed, "landing_aisles"),
    ],
)
def test_a_parameter_that_names_no_table_is_named(transform: Any, parameter: str) -> None:
    with pytest.raises(DeclarationError, match=rf"silver\.aisles: parameter {parameter} names no table"):
        table("silver.aisles")(transform)


@pytest.mark.parametrize("transform", [_take_without_annotation, _take_text, _take_a_number, _take_a_folder])
def test_a_parameter_that_is_neither_rows_nor_settings_is_named(transform: Any) -> None:
    with pytest.raises(
        DeclarationError, match="annotate parameter bronze_aisles with DataFrame or a settings"
    ):
        table("silver.aisles")(transform)


DECLARING = """
from pyspark.sql import DataFrame
from instacart_assets.tables.declare import table

@table("silver.{name}")
def {name}(bronze_{name}: DataFrame) -> DataFrame:
    return bronze_{name}

def help_with(rows: DataFrame) -> DataFrame:
    return rows
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A package of two tables, the first module importing the function of the second."""
    folder = tmp_path / "shop_tables"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "departments.py").write_text(DECLARING.format(name="departments"))
    (folder / "aisles.py").write_text(
        "from shop_tables.departments import departments\n" + DECLARING.format(name="aisles")
    )
    (folder / "words.py").write_text("WORDS = ['apple']\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("shop_tables")]:
        monkeypatch.delitem(sys.modules, name)
    return __import__("shop_tables")


def test_tables_are_found_once_in_the_module_that_declares_them(package: ModuleType) -> None:
    assert [found.address for found in find_tables(package)] == ["silver.aisles", "silver.departments"]
