"""The same questions as a Databricks AI/BI dashboard, a file of the bundle.

Contains how a question becomes datasets and widgets; the file is not edited by hand. The bundle sets catalog and schema
of the datasets, so their tables are named without a layer. Dashboard charts have no interval marks, so dots with
intervals become tables there.

``python -m instacart_assets.answers.dashboard FILE`` writes it.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from string import Formatter
from typing import Any, Literal

from instacart_assets.answers.question import (
    GOLD,
    Bars,
    Context,
    Dots,
    Heat,
    Line,
    Question,
    Weeks,
    load_questions,
)
from instacart_assets.answers.wording import CAVEATS, spell_heading
from instacart_assets.order_calendar import OrderCalendar

WIDTH = 6
"""Columns of a page's grid."""

ABOUT_HEIGHT, CHART_HEIGHT, CONTEXT_HEIGHT, FILTER_HEIGHT = 3, 9, 2, 2

Json = dict[str, Any]
Kind = Literal["bar", "line", "heatmap", "table", "filter-single-select"]

VERSIONS: dict[Kind, int] = {"bar": 3, "line": 3, "heatmap": 3, "table": 1, "filter-single-select": 2}
"""Versions of the widgets' specifications, as exported dashboards have them."""


def build_dashboard(questions: Sequence[Question]) -> Json:
    """The dashboard of the given questions, one below the other: text, chart, and context."""
    layout: list[Json] = []
    for question in questions:
        for height, widget in _list_widgets(question):
            top = sum(one["position"]["height"] for one in layout)
            layout.append(
                {"widget": widget, "position": {"x": 0, "y": top, "width": WIDTH, "height": height}}
            )
    page = {"name": "answers", "displayName": "Answers", "pageType": "PAGE_TYPE_CANVAS", "layout": layout}
    return {"datasets": [one for question in questions for one in _list_datasets(question)], "pages": [page]}


def write_dashboard(path: Path) -> None:
    """Write the dashboard of all questions."""
    path.write_text(
        json.dumps(build_dashboard(load_questions()), indent=2, ensure_ascii=False) + "\n", "utf-8"
    )


def _list_datasets(question: Question) -> list[Json]:
    front, chart = question.front, question.front.chart
    sql = question.sql.strip()
    if isinstance(chart, Heat):  # a heat map there needs one row per cell
        cells = ", ".join(chart.across)
        sql = f"SELECT {chart.label}, across, value FROM (\n{sql}\n) UNPIVOT (value FOR across IN ({cells}))"  # noqa: S608 - own
    made = [_make_dataset(question.name, front.question, sql)]
    if front.context is not None:
        made.append(
            _make_dataset(
                _name_context(question), f"{front.question} What else there is to know", front.context.query
            )
        )
    return made


def _make_dataset(name: str, title: str, sql: str) -> Json:
    return {"name": name, "displayName": title, "queryLines": GOLD.sub(r"\1", sql).splitlines(keepends=True)}


def _name_context(question: Question) -> str:
    return f"{question.name}_context"


def _list_widgets(question: Question) -> list[tuple[int, Json]]:
    """Widgets with their heights, from the top."""
    front = question.front
    text = {"lines": [f"## {front.question}\n", "\n", front.about]}
    widgets: list[tuple[int, Json]] = [
        (ABOUT_HEIGHT, {"name": f"{question.name}_about", "multilineTextboxSpec": text})
    ]
    if isinstance(front.chart, Weeks):
        widgets.append((FILTER_HEIGHT, _make_filter(question, front.chart)))
    widgets.append((CHART_HEIGHT, _make_chart(question)))
    if front.context is not None:
        name = _name_context(question)
        table = _make_table(name, "What else there is to know", _list_known(front.context))
        widgets.append((CONTEXT_HEIGHT, table))
    return widgets


def _list_known(context: Context) -> list[str]:
    """Columns of a context: those that its sentence names, and those that flag what is simulated or estimated."""
    named = [name for _, name, _, _ in Formatter().parse(context.says) if name]
    return [*named, *(name for name in CAVEATS if name in context.query)]


def _make_chart(question: Question) -> Json:
    chart, name = question.front.chart, question.name
    match chart:
        case Bars():
            encodings = {
                "x": _encode(f"sum({chart.value})", "quantitative", chart.title),
                "y": _encode(
                    chart.label, "categorical", spell_heading(chart.label), sort={"by": "x-reversed"}
                ),
            }
            fields = [_ask(chart.label), _ask(chart.value, "sum")]
            return _make_widget(name, chart.title, "bar", fields, encodings)
        case Dots():
            return _make_table(name, chart.title, chart.columns)
        case Line():
            shown = [(chart.value, "Value"), (chart.low, "At least"), (chart.high, "At most")]
            lines = [{"fieldName": f"sum({column})", "displayName": title} for column, title in shown]
            encodings = {
                "x": _encode(chart.across, "quantitative", chart.across_title),
                "y": {"scale": {"type": "quantitative"}, "fields": lines},
            }
            fields = [_ask(chart.across), *(_ask(column, "sum") for column, _ in shown)]
            return _make_widget(name, chart.title, "line", fields, encodings)
        case Heat():
            order = {"by": "custom-order", "orderedValues": list(chart.across)}
            encodings = {
                "x": _encode("across", "categorical", "", sort=order),
                "y": _encode(chart.label, "categorical", spell_heading(chart.label)),
                "color": _encode("avg(value)", "quantitative", chart.title),
            }
            fields = [_ask("across"), _ask(chart.label), _ask("value", "avg")]
            return _make_widget(name, chart.title, "heatmap", fields, encodings)
        case Weeks():
            week = {"by": "custom-order", "orderedValues": list(OrderCalendar().day_names)}
            encodings = {
                "x": _encode(chart.across, "categorical", chart.across_title),
                "y": _encode(chart.down, "categorical", spell_heading(chart.down), sort=week),
                "color": _encode(f"avg({chart.value})", "quantitative", chart.title),
            }
            fields = [_ask(chart.across), _ask(chart.down), _ask(chart.value, "avg")]
            return _make_widget(name, chart.title, "heatmap", fields, encodings)


def _make_filter(question: Question, chart: Weeks) -> Json:
    """A filter that selects one of the small maps; without a selection, the mean of all is shown."""
    title = f"{spell_heading(chart.panel)} (all: their mean)"
    encodings = {"fields": [{"fieldName": chart.panel, "displayName": title, "queryName": "main_query"}]}
    widget = _make_widget(question.name, title, "filter-single-select", [_ask(chart.panel)], encodings)
    return {**widget, "name": f"{question.name}_filter"}


def _make_table(dataset: str, title: str, columns: Sequence[str]) -> Json:
    encodings = {"columns": [{"fieldName": one, "displayName": spell_heading(one)} for one in columns]}
    widget = _make_widget(dataset, title, "table", [_ask(one) for one in columns], encodings)
    widget["queries"][0]["query"]["disaggregated"] = True
    return widget


def _ask(column: str, aggregate: str | None = None) -> Json:
    if aggregate is None:
        return {"name": column, "expression": f"`{column}`"}
    return {"name": f"{aggregate}({column})", "expression": f"{aggregate.upper()}(`{column}`)"}


def _encode(field: str, scale: str, title: str, sort: Json | None = None) -> Json:
    how = {"type": scale} if sort is None else {"type": scale, "sort": sort}
    return {"fieldName": field, "scale": how, "displayName": title}


def _make_widget(dataset: str, title: str, kind: Kind, fields: list[Json], encodings: Json) -> Json:
    """A widget over a dataset, named after the dataset."""
    query = {"datasetName": dataset, "fields": fields, "disaggregated": False}
    frame = {"showTitle": True, "title": title}
    return {
        "name": dataset,
        "queries": [{"name": "main_query", "query": query}],
        "spec": {"version": VERSIONS[kind], "widgetType": kind, "encodings": encodings, "frame": frame},
    }


if __name__ == "__main__":
    write_dashboard(Path(sys.argv[1]))
