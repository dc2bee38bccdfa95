"""Landed text to typed values."""

import math
from collections.abc import Callable
from datetime import date

import pytest
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from instacart_assets.silver.parsing import (
    clean_name,
    parse_bigint,
    parse_date,
    parse_flag,
    parse_int,
    parse_share,
    parse_whole_days,
)

CASES: list[tuple[Callable[[Column], Column], dict[str | None, object]]] = [
    (parse_int, {"08": 8, "8": 8, "0": 0, "-1": -1, "x": None, "": None, "3000000000": None, None: None}),
    (parse_bigint, {"3000000000": 3_000_000_000, "x": None, None: None}),
    (
        parse_whole_days,
        {"15.0": 15, "15": 15, "0.0": 0, "15.5": -1, "x": -1, "7d": -1, "NaN": -1, None: None},
    ),
    (
        parse_date,
        {
            "2015-01-03": date(2015, 1, 3),
            "2015-01-03 23:59:59": date(2015, 1, 3),
            "2015-01-03T23:30:00-05:00": date(2015, 1, 3),
            "2015-02-30": None,
            "soon": None,
            None: None,
        },
    ),
    (parse_flag, {"1": True, "0": False, "true": True, "False": False, "2": None, "yes": None, None: None}),
    (
        clean_name,
        {
            'Easy Grab 9\\"x13\\" Dish': 'Easy Grab 9"x13" Dish',
            "  Plain\u00a0": "Plain",
            "805": "805",
            "Crème\u00a0brûlée": "Crème\u00a0brûlée",
            None: None,
        },
    ),
]


@pytest.mark.parametrize(("parse", "expected"), CASES, ids=[parse.__name__ for parse, _ in CASES])
def test_text_becomes_its_value_or_null(
    spark: SparkSession, parse: Callable[[Column], Column], expected: dict[str | None, object]
) -> None:
    rows = spark.createDataFrame([(text,) for text in expected], "text string")
    parsed = rows.select("text", parse(F.col("text")).alias("value")).collect()
    assert {row["text"]: row["value"] for row in parsed} == expected


def test_text_that_spells_no_share_is_neither_a_share_nor_nothing(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("0.25",), ("20%",), ("1f",), (None,)], "text string")
    parsed = rows.select("text", parse_share(F.col("text")).alias("share")).collect()
    shares = {row["text"]: row["share"] for row in parsed}
    assert (shares["0.25"], shares[None]) == (0.25, None)
    assert math.isnan(shares["20%"])
