"""What a set of libraries would install on a cluster, read from metadata before anything is installed.

Walks through the requirements of packages and wheels: by the metadata of what is installed here, and by a wheel's own
metadata. No package index is queried, so what neither shows is reported as unseen.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from importlib.metadata import PackageNotFoundError, distribution
from io import BytesIO
from typing import cast
from zipfile import BadZipFile, ZipFile

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from instacart_assets.errors import RemediableError

SPARK_PACKAGES = frozenset({"pyspark", "pyspark-client", "databricks-connect"})
"""Packages with a module ``pyspark``: any of them would shadow the cluster's own."""

WHEEL = ".whl"


class LibraryError(RemediableError):
    """A library's setting is not valid; the message says why."""


@dataclass(frozen=True)
class Library:
    """A library as its metadata describe it.

    Attributes:
        name: of the package.
        version: as in its metadata.
        requires: what it requires, as its metadata spell it.
        python: versions of Python that it supports.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    python: SpecifierSet = field(default_factory=SpecifierSet)


@dataclass(frozen=True)
class Demand:
    """A requirement that was found on the walk.

    Attributes:
        requirement: what is required.
        chain: the packages that lead to it, from the requested one to itself.
    """

    requirement: Requirement
    chain: tuple[str, ...]

    def __str__(self) -> str:
        """The chain, as ``dagster-databricks → dagster-pyspark → pyspark``."""
        return " → ".join(self.chain)


@dataclass(frozen=True)
class LibrarySet:
    """What a set of libraries would install.

    Attributes:
        demands: every requirement that was found, the requested ones included.
        unseen: packages whose own requirements cannot be determined here.
    """

    demands: tuple[Demand, ...]
    unseen: tuple[str, ...]

    @property
    def sparks(self) -> list[Demand]:
        """Demands for a package that would shadow the cluster's Spark."""
        return [demand for demand in self.demands if demand.chain[-1] in SPARK_PACKAGES]

    def demands_of(self, name: str) -> list[Demand]:
        """Demands for a package."""
        return [demand for demand in self.demands if demand.chain[-1] == name]


def is_wheel(library: str) -> bool:
    """Whether a library is named by the path of its wheel."""
    return library.endswith(WHEEL)


def read_wheel(content: bytes, name: str) -> Library:
    """The library that a wheel contains, by the wheel's metadata.

    Args:
        content: the wheel's bytes.
        name: its path, for messages.

    Raises:
        LibraryError: it is not a wheel.
    """
    try:
        parse_wheel_filename(name.rpartition("/")[2])
        with ZipFile(BytesIO(content)) as archive:
            inner = next(member for member in archive.namelist() if member.endswith(".dist-info/METADATA"))
            metadata = BytesParser().parsebytes(archive.read(inner))
    except (BadZipFile, InvalidWheelFilename, StopIteration) as error:
        raise LibraryError(f"{name}: is no wheel ({error}); build it with: uv build --wheel") from error
    return _read_metadata(metadata)


def survey_libraries(
    packages: Iterable[str], wheels: Iterable[Library], python: str | None = None
) -> LibrarySet:
    """Walk through everything that a set of libraries requires.

    Args:
        packages: in pip's syntax, with extras, versions and markers.
        wheels: wheels by their metadata.
        python: minor version of Python on the cluster, which markers are evaluated for; by default this process's.

    Raises:
        LibraryError: a package is not in pip's syntax.
    """
    walk = _Walk({wheel.name: wheel for wheel in wheels}, _cluster_environment(python))
    for wheel in walk.wheels.values():
        walk.visit(Requirement(f"{wheel.name}=={wheel.version}"), ())
    for package in packages:
        walk.visit(_parse_requirement(package), ())
    return LibrarySet(tuple(walk.demands), tuple(walk.unseen))


@dataclass
class _Walk:
    """A depth-first walk through requirements; each package is visited once for every set of extras."""

    wheels: Mapping[str, Library]
    environment: Mapping[str, str]
    demands: list[Demand] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    _entered: set[tuple[str, frozenset[str]]] = field(default_factory=set)

    def visit(self, requirement: Requirement, before: tuple[str, ...]) -> None:
        """Record a requirement and, the first time, everything that it requires."""
        if requirement.marker and not requirement.marker.evaluate(dict(self.environment)):
            return
        name = canonicalize_name(requirement.name)
        demand = Demand(requirement, (*before, name))
        self.demands.append(demand)
        key = (name, frozenset(requirement.extras))
        if key in self._entered or name in SPARK_PACKAGES:
            return
        self._entered.add(key)
        library = self.wheels.get(name) or _find_installed(name)
        is_seen = library is not None and requirement.specifier.contains(library.version, prereleases=True)
        if not is_seen and name not in self.unseen:
            self.unseen.append(name)
        if library is not None:
            for behind in self._list_requirements(library, requirement.extras):
                self.visit(behind, demand.chain)

    def _list_requirements(self, library: Library, extras: Iterable[str]) -> Iterator[Requirement]:
        """What a library requires on the cluster, with any of the extras or with none."""
        for text in library.requires:
            requirement = Requirement(text)
            environments = [{**self.environment, "extra": extra} for extra in ("", *sorted(extras))]
            marker = requirement.marker
            if marker is None or any(marker.evaluate(environment) for environment in environments):
                requirement.marker = None
                yield requirement


def _cluster_environment(python: str | None) -> dict[str, str]:
    """Values of environment markers on a cluster, which runs Linux."""
    environment = cast("dict[str, str]", default_environment())
    environment |= {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux"}
    if python is not None:
        environment |= {"python_version": python, "python_full_version": f"{python}.0"}
    return environment


def _find_installed(name: str) -> Library | None:
    try:
        return _read_metadata(cast("Message", distribution(name).metadata))
    except PackageNotFoundError:
        return None


def _read_metadata(metadata: Message) -> Library:
    return Library(
        name=canonicalize_name(metadata["Name"]),
        version=metadata["Version"],
        requires=tuple(metadata.get_all("Requires-Dist", ())),
        python=SpecifierSet(metadata.get("Requires-Python", "")),
    )


def _parse_requirement(package: str) -> Requirement:
    try:
        return Requirement(package)
    except InvalidRequirement as error:
        raise LibraryError(
            f"INSTACART_DATABRICKS__LIBRARIES: {package!r} is no package as pip names them, as dagster==1.13.0, "
            "and no wheel by its path"
        ) from error
