"""A contract's columns in the words of Delta and Arrow."""

from typing import get_args

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from instacart_assets.contracts.model import ColumnType
from instacart_assets.lakehouse.commit import DELTA_TYPES, delta_schema
from instacart_assets.lakehouse.schema import ARROW_TYPES, ShapeError, arrow_schema, conform
from instacart_assets_tests.small_contracts import make_column, make_contract

THINGS = make_contract(make_column("thing_id", "bigint", required=True), make_column("price", "double"))


def test_every_type_of_a_contract_has_a_word_in_delta_and_arrow() -> None:
    assert set(DELTA_TYPES) == set(ARROW_TYPES) == set(get_args(ColumnType))


def test_delta_keeps_types_nullability_and_descriptions() -> None:
    fields = delta_schema(THINGS).fields
    assert [(field.name, field.type.type, field.nullable, field.metadata) for field in fields] == [
        ("thing_id", "long", False, {"comment": "The thing_id."}),
        ("price", "double", True, {"comment": "The price."}),
    ]


def test_an_empty_candidate_has_the_types_of_the_contract() -> None:
    assert arrow_schema(THINGS) == pa.schema([("thing_id", pa.int64()), ("price", pa.float64())])


def test_rows_get_order_and_types_of_the_contract_and_lose_other_columns(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("1.5", "red", 7)], "price string, colour string, thing_id int")
    shaped = conform(rows, THINGS)
    assert shaped.dtypes == [("thing_id", "bigint"), ("price", "double")]
    assert [tuple(row) for row in shaped.collect()] == [(7, 1.5)]


def test_every_column_that_rows_lack_is_named(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(1,)], "other int")
    with pytest.raises(ShapeError, match=r"silver\.things: the transform returns no thing_id, price"):
        conform(rows, THINGS)


def test_rows_that_are_marked_keep_what_says_why(spark: SparkSession) -> None:
    marks = "_source_file string, _row_number bigint, _reasons array<string>"
    rows = spark.createDataFrame([], f"{marks}, _is_refused boolean, price double, other int, thing_id int")
    assert conform(rows, THINGS).columns == [
        "thing_id",
        "price",
        "_source_file",
        "_row_number",
        "_reasons",
        "_is_refused",
    ]
    assert conform(rows.drop("_is_refused"), THINGS).columns == ["thing_id", "price"]


def test_a_column_of_texts_has_its_words() -> None:
    reasons = make_contract(make_column("thing_id"), make_column("reasons", "array<string>"))
    assert arrow_schema(reasons).field("reasons").type == pa.list_(pa.string())
    assert '"elementType":"string"' in delta_schema(reasons).fields[1].to_json().replace(" ", "")
