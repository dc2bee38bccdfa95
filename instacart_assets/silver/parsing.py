"""Landed text to typed values: text that does not parse is never mistaken for a value or for a missing one.

Contains small functions over one column. In a required column, text that does not parse becomes null, which
the contract forbids; in an optional column, it becomes a value that the column's rule forbids. The rules
themselves are in the contracts.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

NUMBER = r"^[ \t]*[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?[ \t]*$"
"""How a decimal number is written. JVM engines also read ``7d`` as seven; others do not."""
NO_BREAK_SPACE = "\u00a0"
ISO_DATE_LENGTH = 10
NO_DAYS = -1
"""Value for text that is not a number of days; no gap between orders is negative."""


def parse_int(text: Column) -> Column:
    """The text as a 32-bit integer (``08`` is 8); null if it is not one."""
    return text.try_cast("int")


def parse_bigint(text: Column) -> Column:
    """The text as a 64-bit integer; null if it is not one."""
    return text.try_cast("bigint")


def parse_whole_days(text: Column) -> Column:
    """Whole days as the publisher's export writes them, ``15.0``, or as re-saved files do, ``15``.

    Null where nothing landed, ``NO_DAYS`` where the text is not a whole number of days.
    """
    days = _parse_number(text)
    whole = F.when(days == F.floor(days), days.try_cast("int"))
    return F.when(text.isNotNull(), F.coalesce(whole, F.lit(NO_DAYS)))


def parse_share(text: Column) -> Column:
    """The text as a number; null where nothing landed, NaN where the text is not a number."""
    return F.when(text.isNotNull(), F.coalesce(_parse_number(text), F.lit(float("nan"))))


def _parse_number(text: Column) -> Column:
    return F.when(text.rlike(NUMBER), text.try_cast("double"))


def parse_date(text: Column) -> Column:
    """The day of an ISO 8601 date or timestamp as written, whatever its UTC offset; null if the text is neither."""
    day = F.substring(text, 1, ISO_DATE_LENGTH).try_cast("date")
    return F.when(text.try_cast("timestamp").isNotNull(), day)


def parse_flag(text: Column) -> Column:
    """True for ``1`` and ``true``, false for ``0`` and ``false``, null for anything else; case does not matter."""
    return F.when(F.lower(text).isin("1", "true"), F.lit(True)).when(
        F.lower(text).isin("0", "false"), F.lit(False)
    )


def clean_name(text: Column) -> Column:
    r"""A name as a person would write it: ``\"`` becomes ``"``; spaces at the ends, also no-break ones, are removed."""
    unescaped = F.replace(text, F.lit('\\"'), F.lit('"'))
    return F.btrim(unescaped, F.lit(f" {NO_BREAK_SPACE}"))
