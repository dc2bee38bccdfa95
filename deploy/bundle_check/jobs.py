"""Jobs: the graph of their tasks, what tasks run on, what they run, and which values they receive.

Checks what the library accepts unchecked, such as a dependency on a missing task, and what would fail only during a
run.
"""

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from deploy.bundle_check.tree import Finding, KeyPath, Tree, walk
from deploy.bundle_check.wheel import Wheel

TOLD = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
"""A value that a run fills in, such as ``{{job.parameters.full}}``."""

PARAMETER = "job.parameters."

RUN_VALUES = re.compile(
    r"job\.(id|name|run_id|repair_count|start_time\.\w+|trigger\.\w+(\.\w+)*)"
    r"|task\.(name|run_id|execution_count|notebook_path)"
    r"|tasks\.[\w-]+\.(run_id|result_state|error_code|execution_count|notebook_path|values\.\w+|output\.\w+)"
    r"|workspace\.(id|url)|input|backfill\.iso_\w+"
)
"""Other values that a run can fill in."""

ENVIRONMENT_TASKS = ("python_wheel_task", "spark_python_task", "dbt_task")
"""Task types that need compute to be named."""

COMPUTE = ("environment_key", "job_cluster_key", "new_cluster", "existing_cluster_id")


def check_jobs(tree: Tree, wheel: Wheel) -> Iterator[Finding]:
    """What is wrong with the jobs of a target.

    Args:
        tree: the bundle merged with a target, references resolved.
        wheel: the project's, whose commands tasks may run.
    """
    for key in tree.get_mapping("resources", "jobs"):
        path: KeyPath = ("resources", "jobs", key)
        if not isinstance(tree.get(*path), Mapping):
            continue
        yield from _check_graph(tree, path)
        yield from _check_triggers(tree, path)
        for number, task in enumerate(tree.get_list(*path, "tasks")):
            if isinstance(task, Mapping):
                yield from _check_compute(tree, path, number)
                yield from _check_wheel_task(tree, (*path, "tasks", number), wheel)
        yield from _check_told(tree, path)


def _check_graph(tree: Tree, path: KeyPath) -> Iterator[Finding]:
    tasks = [task for task in tree.get_list(*path, "tasks") if isinstance(task, Mapping)]
    if not tasks:
        yield tree.report((*path, "tasks"), "the job has no task", "give it one, or take it out")
    known: dict[str, int] = {}
    for number, task in enumerate(tasks):
        name = str(task.get("task_key"))
        if name in known:
            yield tree.report(
                (*path, "tasks", number, "task_key"), f"there are two tasks {name}", "rename one of them"
            )
        known.setdefault(name, number)
    edges: dict[str, list[str]] = {name: [] for name in known}
    for number, task in enumerate(tasks):
        for at, edge in enumerate(task.get("depends_on") or ()):
            before = str(edge.get("task_key")) if isinstance(edge, Mapping) else str(edge)
            if before not in known:
                yield tree.report(
                    (*path, "tasks", number, "depends_on", at),
                    f"the task {task.get('task_key')} depends on {before}, which is no task of the job",
                    "name one that is, or take it out",
                )
            else:
                edges[str(task.get("task_key"))].append(before)
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        ring = " → ".join(reversed(error.args[1]))
        yield tree.report((*path, "tasks"), f"tasks wait for each other: {ring}", "take one dependency out")


def _check_triggers(tree: Tree, path: KeyPath) -> Iterator[Finding]:
    given = [key for key in ("schedule", "trigger", "continuous") if tree.get(*path, key) is not None]
    if len(given) > 1:
        yield tree.report(
            (*path, given[1]),
            f"a job has one of schedule, trigger and continuous, and this one {' and '.join(given)}",
            "give the other to a job of its own",
        )


def _check_compute(tree: Tree, path: KeyPath, number: int) -> Iterator[Finding]:
    where = (*path, "tasks", number)
    task = tree.get_mapping(*where)
    named = {
        "environment_key": [one.get("environment_key") for one in tree.get_list(*path, "environments")],
        "job_cluster_key": [one.get("job_cluster_key") for one in tree.get_list(*path, "job_clusters")],
    }
    for key, known in named.items():
        if key in task and task[key] not in known:
            there = ", ".join(map(str, known)) or "none"
            yield tree.report(
                (*where, key), f"the job has no {key} {task[key]}", f"name one that it has: {there}"
            )
    if any(kind in task for kind in ENVIRONMENT_TASKS):
        on = [key for key in COMPUTE if key in task]
        if len(on) != 1:
            yield tree.report(
                where,
                f"the task {task.get('task_key')} runs on {' and '.join(on) or 'nothing'}",
                f"give it just one of {', '.join(COMPUTE)}",
            )


def _check_wheel_task(tree: Tree, where: KeyPath, wheel: Wheel) -> Iterator[Finding]:
    asked: Any = tree.get(*where, "python_wheel_task")
    if not isinstance(asked, Mapping):
        return
    if asked.get("package_name") != wheel.package:
        yield tree.report(
            (*where, "python_wheel_task", "package_name"),
            f"the wheel is {wheel.package}, not {asked.get('package_name')}",
            f"write {wheel.package}",
        )
    if asked.get("entry_point") not in wheel.commands:
        yield tree.report(
            (*where, "python_wheel_task", "entry_point"),
            f"the wheel has no command {asked.get('entry_point')}",
            f"write one of [project.scripts] in pyproject.toml: {', '.join(sorted(wheel.commands))}",
        )


def _check_told(tree: Tree, path: KeyPath) -> Iterator[Finding]:
    """Values for a run to fill in that nothing provides."""
    parameters = {one.get("name") for one in tree.get_list(*path, "parameters") if isinstance(one, Mapping)}
    for where, value in walk(tree.get(*path, "tasks"), (*path, "tasks")):
        for name in TOLD.findall(value) if isinstance(value, str) else ():
            if name.startswith(PARAMETER):
                if name.removeprefix(PARAMETER) not in parameters:
                    yield tree.report(
                        where,
                        f"the job has no parameter {name.removeprefix(PARAMETER)}",
                        "add it to its parameters",
                    )
            elif not RUN_VALUES.fullmatch(name):
                yield tree.report(
                    where,
                    f"no run knows {{{{{name}}}}}",
                    "name a parameter of the job, or a value that runs know",
                )
