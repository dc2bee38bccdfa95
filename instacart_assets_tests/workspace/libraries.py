"""What is installed for a task before it starts: wheels that were uploaded, and packages that must be there.

Nothing is downloaded: a wheel is unpacked into a folder of the task's own, and a package from an index counts as
installed if this machine has it in a version that was asked for.
"""

import json
import zipfile
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from instacart_assets_tests.workspace.folders import DBFS_SCHEME, Folders, NoSuchPlaceError

LAST_RUNTIME_WITH_DBFS_LIBRARIES = 14


class InstallationError(Exception):
    """A library cannot be installed; the message is what Databricks would say of it."""


def install_on_cluster(
    libraries: Sequence[Mapping[str, Any]], folders: Folders, runtime: tuple[int, int], target: Path
) -> None:
    """Install the libraries of a task on a cluster.

    Args:
        libraries: as in the Jobs API: ``{"whl": PATH}`` or ``{"pypi": {"package": …}}``.
        folders: of the workspace.
        runtime: version of the cluster's Databricks Runtime.
        target: folder that wheels are unpacked into.

    Raises:
        InstallationError: one of them cannot be installed.
    """
    for library in libraries:
        if "pypi" in library:
            _check_present(library["pypi"]["package"], f"pypi {library['pypi']}")
            continue
        if "whl" not in library:
            raise _fail(str(library), "libraries of this kind are not emulated")
        path = str(library["whl"])
        if path.startswith(DBFS_SCHEME) and runtime[0] > LAST_RUNTIME_WITH_DBFS_LIBRARIES:
            raise _fail(f'whl: "{path}"', "DBFS library installations are not supported on DBR 15 or above.")
        _unpack(path, folders, target)


def install_in_environment(dependencies: Sequence[str], folders: Folders, target: Path) -> None:
    """Install the dependencies of a serverless environment, written as for pip.

    Raises:
        InstallationError: one of them cannot be installed.
    """
    for dependency in dependencies:
        if dependency.endswith(".whl"):
            _unpack(dependency, folders, target)
        else:
            _check_present(dependency, dependency)


def _unpack(path: str, folders: Folders, target: Path) -> None:
    try:
        wheel = folders.find(path)
    except NoSuchPlaceError as error:
        raise _fail(f'whl: "{path}"', str(error)) from error
    if not wheel.is_file():
        raise _fail(f'whl: "{path}"', f"No such file: {path}")
    if not wheel.name.endswith("-none-any.whl"):
        raise _fail(f'whl: "{path}"', f"{wheel.name} is not a supported wheel on this platform.")
    try:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(target)
    except zipfile.BadZipFile as error:
        raise _fail(f'whl: "{path}"', f"{wheel.name} is not a zip file") from error
    for needed in _read_requirements(wheel.name, target):
        _check_present(needed, f'whl: "{path}"')


def _read_requirements(name: str, target: Path) -> list[str]:
    distribution, version, *_ = name.split("-")
    described = metadata.PathDistribution(target / f"{distribution}-{version}.dist-info")
    return list(described.requires or ())


def _check_present(needed: str, library: str) -> None:
    try:
        requirement = Requirement(needed)
    except InvalidRequirement as error:
        raise _fail(library, f"ERROR: Invalid requirement: {needed!r}") from error
    if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
        return
    found = _find_version(requirement.name)
    if not found or not requirement.specifier.contains(found, prereleases=True):
        raise _fail(
            library,
            f"ERROR: Could not find a version that satisfies the requirement {needed} "
            f"(from versions: {found or 'none'})",
        )


def _find_version(name: str) -> str:
    """Version of a package that an index could have; none of one that is worked on in a folder of this machine."""
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return ""
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    return "" if "dir_info" in origin else distribution.version


def _fail(library: str, reason: str) -> InstallationError:
    return InstallationError(
        f"Library installation failed for library due to user error for {library}\n Error messages:\n"
        "Library installation attempted on the driver node and failed. "
        f"Error Code: DRIVER_LIBRARY_INSTALLATION_FAILURE. Error Message: {reason}"
    )
