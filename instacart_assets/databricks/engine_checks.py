"""Whether tables can be built on this machine: its engine, its landed files and its lake.

Contains the checks of the targets that need no workspace.
"""

import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from pyspark.errors import PySparkException

from instacart_assets.contracts.load import contracts_of
from instacart_assets.databricks.outcomes import Outcome, failed, passed, warned
from instacart_assets.databricks.spark_checks import judge_spark
from instacart_assets.lakehouse.apache import check_java as find_java
from instacart_assets.lakehouse.apache import find_jars
from instacart_assets.lakehouse.sessions import open_session
from instacart_assets.landing.files import survey

OLDEST_JAVA = 17
JAVA_SECONDS = 10
JAVA_VERSION = re.compile(r"java\.specification\.version = ([\d.]+)")


def check_engine(check: str) -> Outcome:
    """Whether the embedded engine answers a query."""
    try:
        session = open_session()
        row = session.sql("SELECT 6 * 7 AS answer").first()
    except (ImportError, PySparkException, RuntimeError) as error:
        return failed(
            check, f"the embedded engine does not start: {error}", "install instacart-assets[local] again"
        )
    if row is None or row["answer"] != 42:  # noqa: PLR2004 - six times seven
        return failed(check, f"the embedded engine answers {row}", "install instacart-assets[local] again")
    return passed(check, f"pysail {version('pysail')} answers pyspark {version('pyspark')}")


def check_landed(check: str, landing: Path) -> Outcome:
    """Whether every source has landed with its contract's columns."""
    found = survey(landing, contracts_of("bronze"))
    files = sum(map(len, found.values()))
    return passed(check, f"{files} files in {landing}")


def check_lake(check: str, lake: Path) -> Outcome:
    """Whether the lake's folder can be written to, or created."""
    present = next(folder for folder in (lake.absolute(), *lake.absolute().parents) if folder.exists())
    if present.is_dir() and os.access(present, os.W_OK | os.X_OK):
        return passed(check, f"{lake} can be {'written' if present == lake.absolute() else 'made'}")
    return failed(check, f"{present} cannot be written", "set INSTACART_LAKE to another folder")


def check_java(check: str) -> Outcome:
    """Whether there is a Java version that Spark runs on.

    Raises:
        EngineError: there is none.
    """
    find_java()
    home = os.environ.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else "java"
    asked = subprocess.run(  # noqa: S603 - the Java that Spark itself would start
        [java, "-XshowSettings:properties", "-version"],
        capture_output=True,
        text=True,
        timeout=JAVA_SECONDS,
        check=False,
    )
    said = JAVA_VERSION.search(asked.stderr)
    remedy = f"install Java {OLDEST_JAVA} or 21, or set JAVA_HOME to its folder"
    if said is None:
        return warned(check, f"{java} does not say its version", remedy)
    major = said[1]
    if int(major.removeprefix("1.")) < OLDEST_JAVA:  # Java 8 reports itself as 1.8
        return failed(check, f"{java} is Java {major}", remedy)
    return passed(check, f"{java} is Java {major}")


def check_jars(check: str) -> Outcome:
    """Whether Delta's jars are in Spark's download cache.

    Raises:
        EngineError: tables are not tested on the installed Spark.
    """
    artifact = find_jars()
    group, name, release = artifact.split(":")
    jar = f"{group}_{name}-{release}.jar"
    if any((cache / "jars" / jar).exists() for cache in Path.home().glob(".ivy2*")):
        return passed(check, artifact)
    return warned(
        check,
        f"{artifact} was not fetched yet",
        "let this machine reach Maven Central once; the first run fetches it",
    )


def check_pyspark(check: str) -> Outcome:
    """Whether tables are tested on the Spark installed here."""
    return judge_spark(check, version("pyspark"), "this environment", "pyspark 4.1")
