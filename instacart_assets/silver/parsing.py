"""Landed text to typed values: what does not parse becomes null, and the contract's required columns catch it.

Here live small functions over one column. No rule is stated here; rules stand in the contracts.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

NO_BREAK_SPACE = "\u00a0"


def parse_int(text: Column) -> Column:
    """The 32-bit integer that the text spells, as ``08``; null where it spells none."""
    return text.try_cast("int")


def parse_bigint(text: Column) -> Column:
    """The 64-bit integer that the text spells; null where it spells none."""
    return text.try_cast("bigint")


def parse_whole_days(text: Column) -> Column:
    """Whole days as the publisher's export writes them, ``15.0``, or as re-saved files do, ``15``; null for others."""
    days = text.try_cast("double")
    return F.when(days == F.floor(days), days.try_cast("int"))


def parse_date(text: Column) -> Column:
    """The day of an ISO 8601 date or timestamp; null where it spells none."""
    return text.try_cast("timestamp").cast("date")


def parse_flag(text: Column) -> Column:
    """True for ``1`` and ``true``, false for ``0`` and ``false``, null for anything else; case does not matter."""
    return F.when(F.lower(text).isin("1", "true"), F.lit(True)).when(
        F.lower(text).isin("0", "false"), F.lit(False)
    )


def clean_name(text: Column) -> Column:
    r"""A name as a person would write it: ``\"`` becomes ``"``, and spaces at the ends go, no-break ones included."""
    unescaped = F.replace(text, F.lit('\\"'), F.lit('"'))
    return F.btrim(unescaped, F.lit(f" {NO_BREAK_SPACE}"))
