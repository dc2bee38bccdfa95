"""The workflows as data, for tests that hold them against the project."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from instacart_assets_tests.project_tree import ROOT, list_files

WORKFLOWS = [path.name for path in list_files(".github/workflows/*.yml")]
USED = re.compile(
    r"^\s*(?:- )?uses: (?P<action>[\w./-]+)@(?P<commit>\S+)(?: # (?P<version>\S+))?$", re.MULTILINE
)


def read_workflow(name: str) -> dict[str, Any]:
    """A workflow, by the name of its file."""
    return dict(yaml.safe_load((ROOT / ".github/workflows" / name).read_text("utf-8")))


def list_jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every job of every workflow: `FILE: JOB`, and what it is."""
    for name in WORKFLOWS:
        for job, described in read_workflow(name)["jobs"].items():
            yield f"{name}: {job}", described


def list_scripts() -> Iterator[tuple[str, str]]:
    """Every script that a step runs: `FILE: JOB`, and its text."""
    for job, described in list_jobs():
        yield from ((job, step["run"]) for step in described.get("steps", []) if "run" in step)


def read_actions_text() -> str:
    """All workflows and actions, as text."""
    return "\n".join((ROOT / path).read_text("utf-8") for path in list_files(".github/**.yml"))
