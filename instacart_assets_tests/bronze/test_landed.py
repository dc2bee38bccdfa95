"""Bronze tables follow from their contracts, and change nothing."""

from pyspark.sql import SparkSession

from instacart_assets.bronze.landed import keep_as_landed, make_bronze_tables
from instacart_assets.contracts.load import contracts_of


def test_there_is_a_table_for_each_contract_of_the_layer() -> None:
    tables = list(make_bronze_tables())
    assert [table.contract for table in tables] == list(contracts_of("bronze"))
    assert len({table.address for table in tables}) == len(tables)


def test_each_is_made_of_the_landed_source_of_its_name_and_of_nothing_else() -> None:
    for table in make_bronze_tables():
        assert table.sources == {"records": f"landing.{table.contract.name}"}
        assert table.settings == {}
        assert table.contract.source_tables == {f"landing.{table.contract.name}"}


def test_every_column_that_landed_keeps_its_name() -> None:
    for table in make_bronze_tables():
        for column in table.contract.landed_columns:
            assert column.sources == (f"landing.{table.contract.name}.{column.name}",)


def test_records_are_kept_untouched(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [(" 08 ", 'Pan 9\\"', None), ("x", "", "15.0")], "a string, b string, c string"
    )
    assert [tuple(row) for row in keep_as_landed(rows).collect()] == [
        (" 08 ", 'Pan 9\\"', None),
        ("x", "", "15.0"),
    ]
    assert keep_as_landed(rows).columns == ["a", "b", "c"]
