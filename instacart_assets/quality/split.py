"""Marks the rows that break a rejecting rule, in the same pass that writes them.

Defines how one evaluation of a table's rows yields both those to publish and those to refuse. Where the
refused ones are kept is in ``quarantine.py``.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import IS_REFUSED, ORIGIN, REASONS, Contract, Rule
from instacart_assets.contracts.rules import KEY_RULE, reject_rules
from instacart_assets.errors import RemediableError


class OriginError(RemediableError):
    """A transform's rows lack their origin columns; the message names table and columns."""


def mark_refused(rows: DataFrame, contract: Contract, conflicting: DataFrame | None = None) -> DataFrame:
    """The rows with the names of the rejecting rules that each breaks.

    Args:
        rows: the result of a transform, with the origin columns.
        contract: the rules that the rows must meet.
        conflicting: origins of landed rows that share their key with another row of their file.

    Returns:
        The rows with ``_reasons`` and ``_is_refused``. Rows that are not refused have null in ``_reasons`` and
        in the origin columns: columns of nulls take almost no space.

    Raises:
        OriginError: the rows lack an origin column.
    """
    missing = [name for name in ORIGIN if name not in rows.columns]
    if missing:
        raise OriginError(
            f"{contract.address}: the transform returns no {', '.join(missing)}, so a refused row could not be "
            "traced to where it landed; select them along with the other columns"
        )
    reasons = [_name_if_broken(rule) for rule in reject_rules(contract)]
    if conflicting is not None:
        rows = rows.join(conflicting.withColumn("_conflicts", F.lit(True)), [*ORIGIN], "left")
        reasons.append(F.when(F.col("_conflicts"), F.lit(KEY_RULE)))
    broken = F.array_compact(F.array(*reasons))
    marked = rows.withColumn(REASONS, broken).withColumn(IS_REFUSED, F.size(REASONS) > 0)
    return marked.withColumns({name: F.when(F.col(IS_REFUSED), F.col(name)) for name in (*ORIGIN, REASONS)})


def holds(rule: Rule) -> Column:
    """Whether a row meets a rule over rows; a null condition counts as broken."""
    return F.coalesce(F.expr(rule.condition), F.lit(False))


def _name_if_broken(rule: Rule) -> Column:
    return F.when(~holds(rule), F.lit(rule.id))
