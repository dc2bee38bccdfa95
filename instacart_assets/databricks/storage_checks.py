"""Whether a workspace's places can be read and written.

Contains the checks of places: staging is checked by writing a small file, reading it back and deleting it; landing,
lake and scratch by their status.
"""

from functools import partial
from pathlib import Path
from uuid import uuid4

from instacart_assets.databricks.outcomes import Outcome, failed, passed, warned
from instacart_assets.databricks.staging import DbfsStaging, Staging
from instacart_assets.databricks.storage import open_files
from instacart_assets.databricks.workspace import Workspace
from instacart_assets.places import DBFS, VOLUMES, for_spark, is_on_databricks
from instacart_assets.settings import URL

PROBE = b"instacart preflight"
VOLUME_DEPTH = 5
"""Parts of a volume's path, including the empty one before the first slash."""


def check_staging(check: str, staging: Staging) -> Outcome:
    """Whether a file can be written to the staging folder, read back and deleted."""
    place = f"dbfs:{staging.root}" if isinstance(staging, DbfsStaging) else staging.root
    folder = f"preflight-{uuid4().hex[:12]}"
    staging.put(folder, "probe", PROBE)
    came_back = staging.read(folder, "probe")
    staging.delete(folder)
    if came_back != PROBE:
        return failed(
            check,
            f"{place} gave back {len(came_back)} bytes of {len(PROBE)} that were written",
            "look at the storage behind it",
        )
    return passed(check, f"{place} was written, read and cleaned")


def check_place(
    check: str, place: str | Path, variable: str, workspace: Workspace, *, is_input: bool
) -> Outcome:
    """Whether a folder can be reached from the cluster.

    Args:
        check: name of the check.
        place: the folder.
        variable: the environment variable that sets it.
        workspace: where it is.
        is_input: whether it must exist before the run.
    """
    text = for_spark(place)
    if not is_on_databricks(text):
        return _judge_elsewhere(check, text, variable)
    files, path = open_files(text, workspace.client)
    remedy = "see that it exists, and that you are granted to read and write it"
    if workspace.ask(f"look at {text}", partial(files.has_folder, path), remedy=remedy):
        return passed(check, f"{text} is there")
    volume = "/".join(path.split("/")[:VOLUME_DEPTH])
    is_in_volume = text.startswith(VOLUMES)
    if is_in_volume and not workspace.ask(
        f"look at {volume}", partial(files.has_folder, volume), remedy=remedy
    ):
        return failed(
            check,
            f"there is no volume {volume}",
            f"create it, or set {variable} to another, as /Volumes/CATALOG/SCHEMA/VOLUME",
        )
    if is_input:
        return failed(
            check, f"there is no {text}", f"land the files first: instacart land PATH --landing {text}"
        )
    return passed(check, f"{text} is not there yet; the first run makes it")


def _judge_elsewhere(check: str, text: str, variable: str) -> Outcome:
    if URL.match(text):
        return warned(
            check, f"{text} cannot be looked at from here", "see that the cluster may read and write it"
        )
    return failed(
        check,
        f"{text} is a folder of a machine, which a cluster does not have",
        f"set {variable} to a folder below {DBFS} or /Volumes/CATALOG/SCHEMA/VOLUME",
    )
