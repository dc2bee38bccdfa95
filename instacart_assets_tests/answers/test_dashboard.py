"""The dashboard of the bundle is what the questions make of it; what it asks, the bundle's check asks of empty tables."""

import json
from pathlib import Path

from instacart_assets.answers.dashboard import build_dashboard, write_dashboard
from instacart_assets.answers.question import load_questions
from instacart_assets_tests.answers.asked import BARS, DOTS, HEAT, LINE, WEEKS, make_question
from instacart_assets_tests.project_tree import ROOT


def test_the_file_is_what_the_questions_make_of_it(tmp_path: Path) -> None:
    write_dashboard(tmp_path / "made.json")
    kept = (ROOT / "resources/sales.lvdash.json").read_text("utf-8")
    assert (tmp_path / "made.json").read_text("utf-8") == kept, "make dashboard writes it anew"


def test_tables_stand_without_their_layer() -> None:
    board = build_dashboard(load_questions())
    assert "gold." not in json.dumps(board["datasets"])


def test_widgets_of_every_question_are_below_each_other_and_named_once() -> None:
    layout = build_dashboard(load_questions())["pages"][0]["layout"]
    names = [one["widget"]["name"] for one in layout]
    assert len(names) == len(set(names))
    tops = [one["position"]["y"] for one in layout]
    assert tops == [sum(one["position"]["height"] for one in layout[:at]) for at in range(len(layout))]


def test_each_kind_of_chart_has_its_widget() -> None:
    kinds = {}
    for chart in (BARS, DOTS, LINE, HEAT, WEEKS):
        layout = build_dashboard([make_question(chart)])["pages"][0]["layout"]
        kinds[chart.split()[2].strip(",")] = [
            one["widget"]["spec"]["widgetType"] for one in layout if "spec" in one["widget"]
        ]
    assert kinds == {
        "bars": ["bar"],
        "dots": ["table"],
        "line": ["line"],
        "heat": ["heatmap"],
        "weeks": ["filter-single-select", "heatmap"],
    }


def test_cells_of_a_heat_map_are_rows_there() -> None:
    (dataset,) = build_dashboard([make_question(HEAT)])["datasets"]
    assert "".join(dataset["queryLines"]) == (
        "SELECT fruit, across, value FROM (\nSELECT 1 AS one\n) UNPIVOT (value FOR across IN (sat, sun))"
    )
