"""Databricks Runtimes and serverless environments: which Python and which Spark each of them has.

Contains facts that Databricks publishes, and which versions the tables were tested on. Calls no workspace.
"""

import re
from dataclasses import dataclass

TESTED_SPARKS = ("4.0", "4.1")
"""Minor versions of Spark on which tests prove that the tables are the same."""

OLDEST_SPARK = (4, 0)
"""Older versions lack ``Column.try_cast``, which silver tables parse with."""

VERSION_KEY = re.compile(r"(?P<version>\d+(?:\.\d+)?)\.x(?P<variants>(?:-[a-z0-9.]+)*)")


@dataclass(frozen=True)
class Runtime:
    """What a Databricks Runtime contains.

    Attributes:
        version: such as ``17.3``, or ``18`` where Databricks has no minor versions.
        python: minor version of Python; None where it is not known here.
        spark: version of Apache Spark.
        is_lts: whether it has long-term support.
    """

    version: str
    python: str | None
    spark: str
    is_lts: bool = False


@dataclass(frozen=True)
class Environment:
    """What a version of the serverless environment contains.

    Attributes:
        version: such as ``4``.
        python: minor version of Python.
        client: version of Databricks Connect, through which the code uses Spark.
        spark: minor version of Spark whose API the client has.
    """

    version: str
    python: str
    client: str
    spark: str


RUNTIMES = {
    runtime.version: runtime
    for runtime in (
        Runtime("13.3", "3.10", "3.4.1", is_lts=True),
        Runtime("14.3", "3.10", "3.5.0", is_lts=True),
        Runtime("15.4", "3.11", "3.5.0", is_lts=True),
        Runtime("16.4", "3.12", "3.5.2", is_lts=True),
        Runtime("17.0", "3.12", "4.0.0"),
        Runtime("17.1", "3.12", "4.0.0"),
        Runtime("17.2", "3.12", "4.0.0"),
        Runtime("17.3", "3.12", "4.0.0", is_lts=True),
        Runtime("18.0", "3.12", "4.1.0"),
        Runtime("18.1", "3.12", "4.1.0"),
        Runtime("18.2", "3.12", "4.1.0"),
        Runtime("18", "3.12", "4.1.0", is_lts=True),
        Runtime("19", None, "4.2.0"),
    )
}
"""Runtimes by version. Spark: the list of releases in Databricks' "Runtime release notes versions and
compatibility", and for 18 and 19 the release notes of each. Python: "System environment" in the release notes, and
the table of Python versions in the requirements of Databricks Connect. From 18 on a runtime has no minor versions:
its version key looks like ``18.x-scala2.13``."""

ENVIRONMENTS = {
    environment.version: environment
    for environment in (
        Environment("1", "3.10", "14.3", "3.5"),
        Environment("2", "3.11", "15.4", "3.5"),
        Environment("3", "3.12", "16.4", "3.5"),
        Environment("4", "3.12", "17.3", "4.0"),
        Environment("5", "3.12", "18", "4.1"),
    )
}
"""Serverless environments by version, from Databricks' "Serverless environment versions". The client of a version
has the API of the runtime of the same version."""


def parse_version_key(key: str) -> tuple[str, frozenset[str]] | None:
    """The version of the runtime with a key, such as ``17.3.x-photon-scala2.13``, and its variants.

    Returns:
        The version, such as ``17.3``, and variants, such as ``photon``, ``cpu``, ``gpu`` and ``ml``; None for what is
        not the key of a Databricks Runtime, such as that of a custom image.
    """
    match = VERSION_KEY.fullmatch(key)
    if match is None:
        return None
    return match["version"], frozenset(match["variants"].split("-")[1:])


def find_runtime(key: str) -> Runtime | None:
    """The runtime with a version key; None where nothing is known about it."""
    parsed = parse_version_key(key)
    return None if parsed is None else RUNTIMES.get(parsed[0])


def spark_minor(version: str) -> tuple[int, int]:
    """Major and minor part of a version of Spark."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
