"""The three kinds of expectation that rules are compiled to.

Contains Great Expectations' own kinds, and one that is cheaper than theirs. Importing this module takes seconds, so
only ``expectations.py`` does so, lazily.
"""

from typing import Any, ClassVar

from great_expectations.expectations.core import (
    ExpectColumnValuesToBeInSet as ColumnIsTrue,
)
from great_expectations.expectations.core import (
    ExpectColumnValuesToNotBeNull as ColumnIsFilled,
)
from great_expectations.expectations.core import UnexpectedRowsExpectation

__all__ = ["ColumnIsFilled", "ColumnIsTrue", "FindsNothing"]


class FindsNothing(UnexpectedRowsExpectation):
    """A query finds no row. Rows are only counted: the original runs the query a second time to show them."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        found = metrics["unexpected_rows_query.row_count"]
        return {"success": found == 0, "result": {"observed_value": found}}
