"""Paths of files: what a bundle names must exist, and inside its folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.bundle_check.tree import Finding, KeyPath, Tree, walk

LOCAL_KEYS = frozenset({"file_path", "notebook_path", "python_file", "requirements"})
"""Fields of resources that name a file relative to the one that they are written in."""

REMOTE = ("/", "~", "dbfs:", "s3:", "abfss:", "gs:")
"""Prefixes of paths in a workspace or a cloud."""


def check_paths(tree: Tree, root: Path) -> Iterator[Finding]:
    """Files and folders that do not exist.

    Args:
        tree: the bundle merged with a target, references resolved.
        root: folder of the bundle.
    """
    for path, value in walk(tree.get("resources"), ("resources",)):
        if path[-1] in LOCAL_KEYS and isinstance(value, str) and not value.startswith(REMOTE):
            beside = (root / tree.find_place(path).file).parent
            yield from _check_file(tree, path, beside / value, root)
    for number, folder in enumerate(tree.get_list("sync", "paths")):
        yield from _check_file(tree, ("sync", "paths", number), root / str(folder), root)
    for name, artifact in tree.get_mapping("artifacts").items():
        if isinstance(artifact, Mapping) and artifact.get("path"):
            where = ("artifacts", name, "path")
            yield from _check_file(tree, where, root / str(artifact["path"]) / "pyproject.toml", root)


def _check_file(tree: Tree, path: KeyPath, file: Path, root: Path) -> Iterator[Finding]:
    resolved, inside = file.resolve(), root.resolve()
    if not resolved.is_relative_to(inside):
        yield tree.report(path, f"{file} lies outside the bundle's folder", "name a file in it")
    elif not resolved.exists():
        yield tree.report(
            path, f"there is no {resolved.relative_to(inside)}", "name a file that is there, or add it"
        )
