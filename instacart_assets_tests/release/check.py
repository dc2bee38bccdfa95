"""Whether what was built may be released: `make release-check`.

Defines what a wheel and a source archive must hold, compared with the tree that they were built from, and what the
changelog and a tag must say of their version. Whether the wheel works is seen by installing it: `.ci/try-wheel`.
"""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.metadata import Metadata

from instacart_assets import __version__
from instacart_assets_tests.project_tree import ROOT, list_files

PACKAGE = "instacart_assets"
NAME = f"{PACKAGE}-{__version__}"
STATED = (
    "summary",
    "description",
    "description_content_type",
    "license_expression",
    "license_files",
    "requires_python",
    "classifiers",
    "keywords",
)


def find_faults(dist: Path) -> list[str]:
    """What keeps the wheel and the source archive in a folder from being released; nothing if they may be."""
    built = {path.name for path in dist.iterdir()}
    if built != {f"{NAME}-py3-none-any.whl", f"{NAME}.tar.gz"}:
        return [f"{dist} holds {sorted(built)}, not one wheel and one source archive of {__version__}"]
    wheel, archive = read_wheel(dist / f"{NAME}-py3-none-any.whl"), read_archive(dist / f"{NAME}.tar.gz")
    return [
        *_compare("the wheel", _inside(wheel), read_tree(PACKAGE)),
        *_compare("the source archive", {k: v for k, v in archive.items() if k != "PKG-INFO"}, read_tree()),
        *find_metadata_faults(wheel[f"{NAME}.dist-info/METADATA"]),
        *_compare_entry_points(wheel[f"{NAME}.dist-info/entry_points.txt"].decode()),
        *find_changelog_faults((ROOT / "CHANGELOG.md").read_text("utf-8"), list_tags()),
    ]


def read_wheel(path: Path) -> dict[str, bytes]:
    """The files of a wheel by name."""
    with zipfile.ZipFile(path) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist()}


def read_archive(path: Path) -> dict[str, bytes]:
    """The files of a source archive by name, without the folder that they are in."""
    with tarfile.open(path) as archive:
        files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        return {name.removeprefix(f"{NAME}/"): file.read() for name, file in files.items() if file}


def read_tree(*patterns: str) -> dict[str, bytes]:
    """The files of the project by name."""
    return {path.as_posix(): (ROOT / path).read_bytes() for path in list_files(*patterns)}


def find_metadata_faults(text: bytes) -> list[str]:
    """What is wrong with a wheel's metadata by their standard, and what an index or a person would miss in them."""
    try:
        metadata = Metadata.from_email(text, validate=True)
    except ExceptionGroup as group:
        return [f"metadata: {error}" for error in group.exceptions]
    missing = [f"metadata: no {name}" for name in STATED if not getattr(metadata, name)]
    return missing + (
        [] if str(metadata.version) == __version__ else [f"metadata: version {metadata.version}"]
    )


def find_changelog_faults(changelog: str, tags: list[str]) -> list[str]:
    """What the changelog and the tags of this commit say wrongly of the version.

    The newest section is that of what is not released yet, but for a commit that is tagged: there it is the version's.
    """
    newest = read_sections(changelog)[0][0]
    released = [tag for tag in tags if tag.startswith("v")]
    if not released:
        known = {"Unreleased", __version__}
        return [] if newest in known else [f"CHANGELOG.md: {newest} comes first, not one of {sorted(known)}"]
    return [
        *(f"tag {tag}: the version is {__version__}" for tag in released if tag != f"v{__version__}"),
        *([] if newest == __version__ else [f"CHANGELOG.md: {newest} comes first, not {__version__}"]),
    ]


def read_sections(changelog: str) -> list[tuple[str, str]]:
    """The changelog's sections, newest first: the version, and what changed."""
    return [
        (heading.split()[0], text.strip())
        for section in ("\n" + changelog).split("\n## ")[1:]
        for heading, _, text in [section.partition("\n")]
    ]


def list_tags() -> list[str]:
    """The tags of the commit that is checked out."""
    command = ["git", "tag", "--points-at", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split()


def _inside(wheel: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in wheel.items() if not name.startswith(f"{NAME}.dist-info/")}


def _compare(what: str, found: Mapping[str, bytes], expected: Mapping[str, bytes]) -> Iterator[str]:
    yield from (f"{what} lacks {name}" for name in sorted(expected.keys() - found.keys()))
    yield from (
        f"{what} holds {name}, which the tree does not" for name in sorted(found.keys() - expected.keys())
    )
    both = sorted(found.keys() & expected.keys())
    yield from (f"{what} has another {name} than the tree" for name in both if found[name] != expected[name])


def _compare_entry_points(text: str) -> Iterator[str]:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    for command, function in stated.items():
        if f"{command} = {function}" not in text.splitlines():
            yield f"the wheel has no command {command}"


if __name__ == "__main__":
    if faults := find_faults(Path(sys.argv[1])):
        sys.exit("\n".join(faults))
