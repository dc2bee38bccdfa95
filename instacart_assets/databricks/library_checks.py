"""Whether the libraries that settings name can be installed, and leave the cluster's Spark alone.

Fetches their metadata from where they are stored, and checks them.
"""

from dataclasses import dataclass, field
from functools import partial

from instacart_assets.databricks.libraries import (
    Library,
    LibraryError,
    LibrarySet,
    is_wheel,
    read_wheel,
    survey_libraries,
)
from instacart_assets.databricks.outcomes import Outcome, failed, passed, warned
from instacart_assets.databricks.runtimes import parse_version_key
from instacart_assets.databricks.storage import BLOCK_BYTES, open_files
from instacart_assets.databricks.workspace import Workspace, WorkspaceError, WorkspaceOutageError
from instacart_assets.places import DBFS, VOLUMES

VARIABLE = "INSTACART_DATABRICKS__LIBRARIES"
WORKSPACE = "/Workspace/"
REQUIREMENTS = ".txt"
LAST_RUNTIME_WITH_DBFS_LIBRARIES = 14
OWN_PACKAGE = "instacart-assets"


@dataclass
class Named:
    """Libraries by how they are named."""

    packages: list[str] = field(default_factory=list)
    wheels: dict[str, Library] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Installation:
    """What would be installed.

    Attributes:
        libraries: with everything that they require.
        wheels: metadata of wheels, by their path.
        options: lines of requirements files that are not requirements.
    """

    libraries: LibrarySet
    wheels: dict[str, Library]
    options: tuple[str, ...]


def survey_installation(
    libraries: tuple[str, ...], workspace: Workspace, python: str | None, cluster_id: str | None = None
) -> Installation:
    """What would be installed on a cluster, including what is on it already.

    Args:
        libraries: as settings name them.
        workspace: where their files are.
        python: minor version of Python on the cluster, where known.
        cluster_id: of an existing cluster.

    Raises:
        LibraryError: one of them is not a library, or its file does not exist.
        WorkspaceError: read access to its file is denied.
    """
    named = Named()
    for library in libraries:
        _sort_library(library, named, workspace)
    for library in list_installed(cluster_id, workspace) if cluster_id else []:
        try:
            _sort_library(library, named, workspace)
        except WorkspaceOutageError:
            raise
        except (LibraryError, WorkspaceError):  # the cluster may reach what this machine does not
            named.options.append(library)
    survey = survey_libraries(named.packages, named.wheels.values(), python)
    return Installation(survey, named.wheels, tuple(named.options))


def list_installed(cluster_id: str, workspace: Workspace) -> list[str]:
    """Libraries that are set on a cluster, as settings name them; none where access is denied.

    Raises:
        WorkspaceOutageError: the workspace does not answer.
    """
    try:
        statuses = workspace.ask(
            f"say what is installed on {cluster_id}",
            lambda: list(workspace.client.libraries.cluster_status(cluster_id)),
        )
    except WorkspaceOutageError:
        raise
    except WorkspaceError:
        return []
    libraries = [status.library for status in statuses if status.library]
    wheels = [library.whl for library in libraries if library.whl]
    return wheels + [library.pypi.package for library in libraries if library.pypi]


def _sort_library(library: str, named: Named, workspace: Workspace) -> None:
    if is_wheel(library):
        named.wheels[library] = read_wheel(_fetch(library, workspace), library)
    elif library.endswith(REQUIREMENTS):
        for line in _fetch(library, workspace).decode().splitlines():
            requirement = line.partition(" #")[0].strip()
            if requirement.startswith("-"):
                named.options.append(requirement)
            elif requirement and not requirement.startswith("#"):
                _sort_library(requirement, named, workspace)
    else:
        named.packages.append(library)


def _fetch(path: str, workspace: Workspace) -> bytes:
    """The bytes of a file of the workspace.

    Raises:
        LibraryError: it is not a file of the workspace, or does not exist.
    """
    if path.startswith((DBFS, VOLUMES)):
        files, place = open_files(path, workspace.client)
        find = partial(files.find, place)
        if workspace.ask(f"look at {path}", find) is None:
            raise LibraryError(f"{VARIABLE}: there is no {path}; upload it, or name another")
        return workspace.ask(f"show {path}", lambda: b"".join(files.read(place)))
    if path.startswith(WORKSPACE):
        return workspace.ask(f"show {path}", partial(_download, path, workspace))
    raise LibraryError(
        f"{VARIABLE}: {path} is no file of the workspace; upload it, and name it as "
        "/Volumes/CATALOG/SCHEMA/VOLUME/NAME.whl or /Workspace/FOLDER/NAME.whl"
    )


def _download(path: str, workspace: Workspace) -> bytes:
    with workspace.client.workspace.download(path) as file:
        return b"".join(iter(lambda: file.read(BLOCK_BYTES), b""))


def check_libraries(
    check: str, installation: Installation, runtime: str | None, python: str | None
) -> Outcome:
    """Whether libraries can be installed there, and bring no Spark of their own.

    Args:
        check: name of the check.
        installation: what would be installed.
        runtime: version key of the cluster's runtime; None for serverless.
        python: minor version of Python there, where known.
    """
    sparks = installation.libraries.sparks
    if sparks:
        return failed(
            check,
            f"{sparks[0]} would be installed over the cluster's own Spark",
            f"take {sparks[0].chain[0]} out of {VARIABLE}; what it is needed for goes into the cluster's image, "
            "installed with --no-deps",
        )
    misplaced = [path for path in installation.wheels if path.startswith(DBFS)]
    if runtime and misplaced and not _takes_dbfs_libraries(runtime):
        return failed(
            check,
            f"{misplaced[0]}: a runtime from {LAST_RUNTIME_WITH_DBFS_LIBRARIES + 1} on takes no library from DBFS",
            "upload it to a volume or among workspace files",
        )
    for path, wheel in installation.wheels.items():
        if python and not wheel.python.contains(f"{python}.0"):
            return failed(
                check,
                f"{path} takes Python {wheel.python}, and Python {python} is there",
                "choose a runtime that it takes",
            )
    unknown = (*installation.libraries.unseen, *installation.options)
    if unknown:
        return warned(
            check,
            f"what {', '.join(unknown)} would bring cannot be told from here",
            "see that none of it requires pyspark: pip install --dry-run --report",
        )
    return passed(check, f"{len(installation.libraries.demands)} requirements, none of them for PySpark")


def _takes_dbfs_libraries(runtime: str) -> bool:
    parsed = parse_version_key(runtime)
    return parsed is None or int(parsed[0].split(".")[0]) <= LAST_RUNTIME_WITH_DBFS_LIBRARIES


def check_own_wheel(check: str, installation: Installation) -> Outcome:
    """Whether this project's wheel is among the libraries, where asset bodies run from nothing else."""
    for path, wheel in installation.wheels.items():
        if wheel.name == OWN_PACKAGE:
            return passed(check, f"{path}, version {wheel.version}")
    return failed(
        check,
        f"no wheel of {OWN_PACKAGE} is named in {VARIABLE}",
        "build it (uv build --wheel), upload it to a volume, and name it there",
    )
