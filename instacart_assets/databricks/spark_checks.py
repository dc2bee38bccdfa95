"""Whether tables were tested on a version of Spark, wherever it is found.

Contains only that decision; it needs neither a workspace nor an engine.
"""

from instacart_assets.databricks.outcomes import Outcome, failed, passed, warned
from instacart_assets.databricks.runtimes import OLDEST_SPARK, TESTED_SPARKS, spark_minor


def judge_spark(check: str, spark: str, where: str, tested: str) -> Outcome:
    """Whether tables were tested on a version of Spark.

    Args:
        check: name of the check.
        spark: the version.
        where: what has it.
        tested: something of the same kind with a Spark version that they were tested on.
    """
    minor = spark_minor(spark)
    if minor < OLDEST_SPARK:
        return failed(
            check,
            f"Spark {spark} in {where}, which lacks functions that tables are built with",
            f"choose one with Spark {' or '.join(TESTED_SPARKS)}, as {tested}",
        )
    if ".".join(map(str, minor)) not in TESTED_SPARKS:
        return warned(
            check,
            f"Spark {spark} in {where}; tables are tested on {', '.join(TESTED_SPARKS)}",
            f"choose {tested}, or compare what comes out",
        )
    return passed(check, f"Spark {spark} in {where}")
