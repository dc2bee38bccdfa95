"""The project's wheel, as ``pyproject.toml`` describes it, and the artifact of the bundle that builds it."""

import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from deploy.bundle_check.files import BundleError
from deploy.bundle_check.tree import Finding, Place, Tree


@dataclass(frozen=True)
class Wheel:
    """The parts of the wheel that tasks refer to.

    Attributes:
        package: name of the distribution, as wheels spell it.
        commands: names of its console commands.
    """

    package: str
    commands: frozenset[str]


def read_wheel(root: Path) -> Wheel:
    """The wheel of the project in a folder.

    Raises:
        BundleError: the project's file is missing or is not TOML.
    """
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise BundleError(
            f"pyproject.toml: cannot be read: {error}; the bundle lies beside the project's file"
        ) from error
    return Wheel(re.sub(r"[-.]+", "_", project["name"]).lower(), frozenset(project.get("scripts", {})))


def check_artifacts(tree: Tree, wheel: Wheel) -> Iterator[Finding]:
    """Wheels that tasks install and no artifact builds, and artifacts that build nothing.

    Args:
        tree: the bundle merged with a target, references resolved.
        wheel: the project's.
    """
    artifacts = tree.get_mapping("artifacts")
    if wheel.package not in artifacts:
        yield tree.report(
            ("artifacts",),
            f"no artifact is the wheel {wheel.package}",
            f"name the artifact that builds it {wheel.package}",
        )
    built: list[str] = []
    for name in artifacts:
        path = ("artifacts", name)
        kind = tree.get(*path, "type")
        if kind != "whl":
            yield tree.report((*path, "type"), f"its type is {kind}", "write whl")
        if not tree.get(*path, "build"):
            yield tree.report(
                (*path, "build"), "nothing builds it", "write the command that does, as make wheel"
            )
        built += [
            str(file["source"]).removeprefix("./")
            for file in tree.get_list(*path, "files")
            if isinstance(file, Mapping)
        ]
    for key in tree.get_mapping("resources", "jobs"):
        for number, environment in enumerate(tree.get_list("resources", "jobs", key, "environments")):
            spec = environment.get("spec") or {}
            for at, dependency in enumerate(spec.get("dependencies") or ()):
                where = ("resources", "jobs", key, "environments", number, "spec", "dependencies", at)
                asked = _spell_from_root(str(dependency), tree.find_place(where))
                if asked.endswith(".whl") and not any(fnmatch(asked, one) for one in built):
                    yield tree.report(
                        where,
                        f"no artifact builds {dependency}",
                        f"name one of their files: {', '.join(built) or 'there are none'}",
                    )


def _spell_from_root(path: str, place: Place) -> str:
    """A path relative to the bundle's folder: YAML's are relative to their file, Python's to the bundle's folder."""
    folder = "" if place.file.endswith(".py") else posixpath.dirname(place.file)
    return posixpath.normpath(posixpath.join(folder, path))
