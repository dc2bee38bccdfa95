"""Dashboards and alerts: their files, and whether the tables that contracts promise can answer their SQL.

Checks what an AI/BI dashboard file must contain. SQL runs on the embedded engine over empty tables made from the
contracts, so that a renamed column is noticed here and not on a user's screen.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deploy.bundle_check.empty_lake import EmptyLake, QueryFault
from deploy.bundle_check.tree import Finding, KeyPath, Place, Tree

MENTION = re.compile(r"`([^`]+)`")
"""A column in the expression of a widget's field."""

SPECIAL = frozenset({"*", "associative_filter_predicate_group"})
"""Names between backticks that are not columns."""


def check_dashboards(tree: Tree, root: Path, lake: EmptyLake) -> Iterator[Finding]:
    """What is wrong with the dashboards of a target.

    Args:
        tree: the bundle merged with a target, references resolved; its catalog is that of ``lake``.
        root: folder of the bundle.
        lake: empty tables.
    """
    for key, dashboard in tree.get_mapping("resources", "dashboards").items():
        path: KeyPath = ("resources", "dashboards", key)
        if not isinstance(dashboard, Mapping) or dashboard.get("file_path") is None:
            continue
        place = tree.find_place((*path, "file_path"))
        file = (root / place.file).parent / str(dashboard["file_path"])
        if not file.is_file():
            continue  # reported by the check of paths
        schema = str(dashboard.get("dataset_schema"))
        yield from _check_file(file, file.resolve().relative_to(root).as_posix(), schema, lake)


def _check_file(file: Path, name: str, schema: str, lake: EmptyLake) -> Iterator[Finding]:
    try:
        board = Tree(json.loads(file.read_text("utf-8")), {(): Place(name)})
    except ValueError as error:
        yield Finding(Place(name), (), f"is no JSON: {error}", "export the dashboard anew")
        return
    datasets: dict[str, tuple[str, ...] | None] = {}
    for number, dataset in enumerate(board.get_list("datasets")):
        path: KeyPath = ("datasets", number)
        sql = dataset.get("query") or "".join(dataset.get("queryLines") or ())
        if not sql.strip():
            yield board.report(path, f"the dataset {dataset.get('name')} has no query", "write queryLines")
            continue
        try:
            datasets[str(dataset.get("name"))] = lake.find_columns(sql, schema)
        except QueryFault as error:
            datasets[str(dataset.get("name"))] = None
            yield board.report(path, f"the query of {dataset.get('name')} {error}", "see docs/tables")
    if not board.get_list("pages"):
        yield board.report(("pages",), "the dashboard has no page", "add one")
    for number, page in enumerate(board.get_list("pages")):
        for at in range(len(page.get("layout") or ())):
            yield from _check_widget(board, ("pages", number, "layout", at), datasets)


def _check_widget(
    board: Tree, path: KeyPath, datasets: Mapping[str, tuple[str, ...] | None]
) -> Iterator[Finding]:
    position = board.get_mapping(*path, "position")
    if {"x", "y", "width", "height"} - set(position):
        yield board.report(
            (*path, "position"), "the widget has no full position", "write x, y, width and height"
        )
    fields: set[str] = set()
    for number, asked in enumerate(board.get_list(*path, "widget", "queries")):
        where = (*path, "widget", "queries", number, "query")
        query: Mapping[str, Any] = asked.get("query") or {}
        name = str(query.get("datasetName"))
        if name not in datasets:
            yield board.report(
                (*where, "datasetName"),
                f"there is no dataset {name}",
                f"name one of {', '.join(datasets)}",
            )
            continue
        columns = datasets[name]
        for at, field in enumerate(query.get("fields") or ()):
            fields.add(str(field.get("name")))
            mentioned = set(MENTION.findall(str(field.get("expression")))) - SPECIAL
            strange = sorted(mentioned - set(columns)) if columns is not None else []
            if strange:
                yield board.report(
                    (*where, "fields", at),
                    f"the dataset {name} has no column {', '.join(strange)}",
                    f"name one of {', '.join(columns or ())}",
                )
    for where, value in _list_encoded(board.get(*path, "widget", "spec", "encodings"), path):
        if value not in fields:
            yield board.report(where, f"the widget shows {value}, which it does not ask for", "add the field")


def _list_encoded(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Names of the fields that a widget shows, with their paths."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            if key == "fieldName":
                yield (*path, "widget", "spec", "encodings"), str(part)
            else:
                yield from _list_encoded(part, path)
    elif isinstance(value, list):
        for part in value:
            yield from _list_encoded(part, path)


def check_alerts(tree: Tree, lake: EmptyLake) -> Iterator[Finding]:
    """What is wrong with the alerts of a target: their query, or the column that they compare.

    Args:
        tree: the bundle merged with a target, references resolved; its catalog is that of ``lake``.
        lake: empty tables.
    """
    for key in tree.get_mapping("resources", "alerts"):
        path: KeyPath = ("resources", "alerts", key)
        try:
            columns = lake.find_columns(str(tree.get(*path, "query_text")), None)
        except QueryFault as error:
            yield tree.report((*path, "query_text"), f"the query {error}", "see docs/tables")
            continue
        source = tree.get(*path, "evaluation", "source", "name")
        if source not in columns:
            yield tree.report(
                (*path, "evaluation", "source", "name"),
                f"the query gives no column {source}",
                f"name one of {', '.join(columns)}",
            )
