"""How the same folder is addressed: by Python, and by Spark.

Contains the two spellings of a folder on DBFS or in a volume, and nothing that reads or writes. A local folder
has the same path for both.
"""

from pathlib import Path

DBFS, DBFS_MOUNT, VOLUMES = "dbfs:/", "/dbfs/", "/Volumes/"


def for_python(place: str | Path) -> Path:
    """The path by which Python's file calls reach a place; on a cluster DBFS is mounted at ``/dbfs``."""
    text = str(place)
    return Path(DBFS_MOUNT + text.removeprefix(DBFS).lstrip("/")) if text.startswith(DBFS) else Path(text)


def for_spark(place: str | Path) -> str:
    """The path by which Spark reaches a place."""
    text = str(place)
    return DBFS + text.removeprefix(DBFS_MOUNT) if text.startswith(DBFS_MOUNT) else text


def is_on_databricks(place: str | Path) -> bool:
    """Whether a place is on DBFS or in a volume, which only a cluster reaches by file calls."""
    return str(place).startswith((DBFS, DBFS_MOUNT, VOLUMES))


def is_remote(place: str | Path) -> bool:
    """Whether a place is on Databricks and this machine is not a cluster, which would see it as a folder."""
    return is_on_databricks(place) and not Path(*for_python(place).parts[:2]).is_dir()
