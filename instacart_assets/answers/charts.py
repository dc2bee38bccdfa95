"""Charts: an answer becomes a Vega-Lite specification, and that becomes an SVG, without a browser or a network.

Contains how each kind of chart looks. No lake is queried here, and no page is written. Sizes are in pixels. The caveats
of an answer are on its chart, so that they are not lost when the chart is copied.
"""

from collections.abc import Sequence
from html import escape
from textwrap import wrap
from typing import Any

from instacart_assets.answers.palette import HEAT, HEAT_INKS, paint
from instacart_assets.answers.question import Bars, Dots, Heat, Line, Question, Weeks
from instacart_assets.answers.wording import RATES, Row, describe_chart, spell_heading, spell_rows
from instacart_assets.errors import RemediableError

NARROW, WIDE = 340, 720
"""Widths for phones and for everything else."""

VEGA_LITE = "6.4"
"""Version of the grammar: other versions draw differently."""

FONT = "system-ui, sans-serif"
TEXT, SMALL = 13, 12
LINE_HEIGHT, HEAD_GAP = 17, 10
SLACK = 8
"""How much larger text may be in a browser than as measured."""
LETTER = 8
"""Approximate width of a bold letter of size 13, for breaking lines."""

Spec = dict[str, Any]


class RendererMissingError(RemediableError):
    """The chart renderer is not installed; the message says how to install it."""


def draw_chart(question: Question, rows: Sequence[Row], width: int, caveats: Sequence[str] = ()) -> str:
    """The chart of an answer as an SVG element; its colours are CSS variables that default to light mode.

    Args:
        question: what is drawn, and how.
        rows: the answer, with at least one row.
        width: width of the whole chart.
        caveats: the caveats to show on it.

    Raises:
        RendererMissingError: the extra ``local`` is not installed.
    """
    try:
        import vl_convert  # noqa: PLC0415 - 80 MB that only this call needs and clusters do not have
    except ImportError as error:
        raise RendererMissingError(
            "charts need the package vl-convert-python; install the extra: pip install 'instacart-assets[local]'"
        ) from error
    spec = make_spec(question, rows, width, caveats)
    svg = str(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE))
    text = " ".join([*caveats, describe_chart(question, rows)])
    named = f'<svg role="img" aria-label="{escape(text)}" '
    return named + svg.removeprefix("<svg ").strip()


def make_spec(question: Question, rows: Sequence[Row], width: int, caveats: Sequence[str] = ()) -> Spec:
    """The same as a Vega-Lite specification."""
    chart = question.front.chart
    match chart:
        case Bars():
            body = _draw_bars(chart, rows, width)
        case Dots():
            body = _draw_dots(chart, rows, width)
        case Line():
            body = _draw_line(chart, rows, width)
        case Heat():
            body = _draw_heat(chart, rows, width)
        case Weeks():
            body = _draw_weeks(chart, rows, width)
    return _add_head(body, chart.title, caveats, width)


def _add_head(body: Spec, title: str, caveats: Sequence[str], width: int) -> Spec:
    """The chart under its title and caveats."""
    letters = int(width / LETTER)
    says = wrap(title, letters)
    warns = [line for text in caveats for line in wrap(text, letters)]
    padding = body.pop("padding")
    head: Spec = {
        "text": says,
        "anchor": "start",
        "frame": "group",
        "dx": -body.pop("indent", padding["left"]),
        "offset": HEAD_GAP,
        "color": paint("ink"),
        "fontSize": TEXT,
        "fontWeight": 600,
        "lineHeight": LINE_HEIGHT,
        "subtitleColor": paint("caveat"),
        "subtitleFontSize": TEXT,
        "subtitleFontWeight": 600,
        "subtitleLineHeight": LINE_HEIGHT,
        "subtitlePadding": 4,
        **({"subtitle": warns} if warns else {}),  # an empty one would hide the title
    }
    height = len(says) * LINE_HEIGHT + (len(warns) * LINE_HEIGHT + 4 if warns else 0) + HEAD_GAP
    height += SLACK + body.pop("axis_above", 0)
    return {
        "$schema": f"https://vega.github.io/schema/vega-lite/v{VEGA_LITE}.json",
        "title": head,
        "padding": {**padding, "top": 0 if "facet" in body else height},
        "autosize": {
            "type": "pad" if "facet" in body else "none"
        },  # charts without facets have a fixed layout and need no measuring
        "config": {
            "aria": False,  # the chart is one image with one text; its rows are in a table
            "background": None,
            "font": FONT,
            "view": {"stroke": None},
            "legend": {"gradientStrokeColor": paint("rule")},
            "axis": {
                "labelColor": paint("muted"),
                "titleColor": paint("muted"),
                "labelFontSize": SMALL,
                "titleFontSize": SMALL,
                "titleFontWeight": 400,
                "gridColor": paint("rule"),
                "domain": False,
                "ticks": False,
                "labelPadding": 6,
            },
        },
        **body,
    }


def _draw_bars(chart: Bars, rows: Sequence[Row], width: int) -> Spec:
    texts = [one[chart.value] for one in spell_rows(rows)]
    list_ = _List(width, texts)
    values = list_.name_rows(chart, rows, texts)
    # No rounded ends: they need a clip path, whose id changes from one chart to the next.
    bar = {
        "type": "bar",
        "height": 14,
        "yOffset": list_.mark_offset,
        "color": paint("mark"),
    }
    x = {"field": "value", "type": "quantitative", "scale": {"zero": True, "nice": False}, "axis": None}
    layers = [{"mark": bar, "encoding": {"x": x, "y": list_.y}}]
    return list_.lay_out(values, layers, foot=4)


def _draw_dots(chart: Dots, rows: Sequence[Row], width: int) -> Spec:
    texts = [f"{one[chart.value]} ({one[chart.low]}–{one[chart.high]})" for one in spell_rows(rows)]  # noqa: RUF001
    list_ = _List(width, texts)
    values = list_.name_rows(chart, rows, texts)
    for value, row in zip(values, rows, strict=True):
        value |= {"low": row[chart.low], "high": row[chart.high], "sure": bool(row[chart.sure])}
    axis = {"orient": "bottom", "tickCount": 5, "title": None, "grid": False}
    scale = {"zero": chart.reference is None, "nice": True}
    x = {"field": "value", "type": "quantitative", "scale": scale, "axis": axis}
    colour = {"condition": {"test": "datum.sure", "value": paint("mark")}, "value": paint("muted")}
    fill = {"condition": {"test": "datum.sure", "value": paint("mark")}, "value": paint("ground")}
    offset = {"yOffset": list_.mark_offset}
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 2, **offset},
            "encoding": {
                "x": {**x, "field": "low"},
                "x2": {"field": "high"},
                "y": list_.y,
                "color": colour,
            },
        },
        {
            "mark": {"type": "point", "size": 80, "strokeWidth": 2, "opacity": 1, **offset},
            "encoding": {"x": x, "y": list_.y, "stroke": colour, "fill": fill},
        },
    ]
    key = f"● {chart.means.sure} · ○ {chart.means.unsure}"
    if chart.reference is not None:
        tick = {"type": "tick", "orient": "vertical", "size": list_.mark_height, "thickness": 1, **offset}
        line = {
            "mark": {**tick, "color": paint("ink")},
            "encoding": {"x": {"datum": chart.reference}, "y": list_.y},
        }
        layers.insert(0, line)
        key += f" · │ {chart.reference:g}: no difference"
    body = list_.lay_out(values, layers, foot=48)
    mark = {"type": "text", "text": key, "x": -list_.left, "y": body["height"] + 38, "align": "left"}
    body["layer"].append(
        {"data": {"values": [{}]}, "mark": {**mark, "color": paint("muted"), "fontSize": SMALL}}
    )
    return body


class _List:
    """Rows one below the other, each with its name and value as text: beside the marks, or above them on a phone."""

    def __init__(self, width: int, texts: Sequence[str]) -> None:
        self.is_narrow = width < WIDE
        self.value_width = int(LETTER * max(map(len, texts), default=0))
        self.left, self.right = (0, 0) if self.is_narrow else (236, self.value_width + 2 * SLACK)
        self.width = width - self.left - self.right
        self.step = 42 if self.is_narrow else 38
        self.mark_offset, self.mark_height = (9, 20) if self.is_narrow else (0, self.step)
        self.y: Spec = {"field": "row", "type": "ordinal", "axis": None, "scale": {"padding": 0}}

    def name_rows(self, chart: Bars | Dots, rows: Sequence[Row], texts: Sequence[str]) -> list[Spec]:
        """The values drawn for each row; a number distinguishes rows of the same name."""
        return [
            {
                "row": number,
                "value": row[chart.value],
                "label": str(row[chart.label]),
                "detail": "" if chart.detail is None else str(row[chart.detail]),
                "text": text,
            }
            for number, (row, text) in enumerate(zip(rows, texts, strict=True))
        ]

    def lay_out(self, values: list[Spec], marks: list[Spec], foot: int) -> Spec:
        """The marks with names and values around them."""
        return {
            "data": {"values": values},
            "width": self.width,
            "height": self.step * len(values),
            "padding": {"left": self.left, "right": self.right, "bottom": foot},
            "layer": [*marks, *self._write_names(values)],
        }

    def _write_names(self, values: list[Spec]) -> list[Spec]:
        has_details = any(value["detail"] for value in values)
        if self.is_narrow:
            named = [
                {**value, "label": " · ".join(filter(None, (value["label"], value["detail"])))}
                for value in values
            ]
            room = self.width - self.value_width - 2 * SLACK
            return [
                self._write(named, "label", x=0, offset=-9, limit=room),
                self._write(values, "text", x=self.width, offset=-9, align="right"),
            ]
        offset = -8 if has_details else 0
        return [
            self._write(values, "label", x=-self.left, offset=offset, limit=self.left - 14),
            self._write(values, "detail", x=-self.left, offset=8, limit=self.left - 14, colour="muted"),
            self._write(values, "text", x=self.width + self.right, offset=0, align="right"),
        ]

    def _write(
        self,
        values: list[Spec],
        field: str,
        *,
        x: float,
        offset: float,
        align: str = "left",
        limit: float = 0,
        colour: str = "ink",
    ) -> Spec:
        mark: Spec = {"type": "text", "align": align, "baseline": "middle", "yOffset": offset, "limit": limit}
        size = TEXT if colour == "ink" else SMALL
        return {
            "data": {"values": values},
            "mark": {**mark, "x": x, "color": paint(colour), "fontSize": size},
            "encoding": {"text": {"field": field}, "y": self.y},
        }


def _draw_line(chart: Line, rows: Sequence[Row], width: int) -> Spec:
    values = [
        {"x": row[chart.across], "value": row[chart.value], "low": row[chart.low], "high": row[chart.high]}
        for row in rows
    ]
    left, right = 46, 14
    ticks = [value["x"] for value in values][:: (len(values) - 1) // 9 + 1]
    across = {"values": ticks, "format": "d", "grid": False, "title": chart.across_title, "titlePadding": 8}
    up = {"format": "%" if chart.value.endswith(RATES) else ".2~f", "tickCount": 5, "title": None}
    x = {"field": "x", "type": "quantitative", "axis": across, "scale": {"zero": False, "nice": False}}
    y = {"field": "value", "type": "quantitative", "axis": up, "scale": {"zero": chart.reference is None}}
    layers: list[Spec] = [
        {
            "mark": {"type": "area", "color": paint("mark"), "opacity": 0.22},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {"mark": {"type": "line", "color": paint("mark"), "strokeWidth": 2}, "encoding": {"x": x, "y": y}},
        {
            "mark": {
                "type": "point",
                "size": 28,
                "opacity": 1,
                "stroke": paint("mark"),
                "fill": paint("mark"),
            },
            "encoding": {"x": x, "y": y},
        },
    ]
    if chart.reference is not None:
        rule = {"type": "rule", "color": paint("ink"), "strokeDash": [3, 3]}
        layers.insert(0, {"mark": rule, "encoding": {"y": {"datum": chart.reference}}})
    return {
        "data": {"values": values},
        "width": width - left - right,
        "height": 240,
        "padding": {"left": left, "right": right, "bottom": 48},
        "layer": layers,
    }


def _colour_steps(steps: Sequence[float], names: Sequence[str]) -> Spec:
    return {"type": "threshold", "domain": list(steps), "range": [paint(name) for name in names]}


def _draw_heat(chart: Heat, rows: Sequence[Row], width: int) -> Spec:
    list_ = _List(width, texts=())
    values = [
        {"row": number, "across": name, "value": row[name], "text": one[name]}
        for number, (row, one) in enumerate(zip(rows, spell_rows(rows), strict=True))
        for name in chart.across
        if row[name] is not None
    ]
    names = [
        {"row": number, "label": str(row[chart.label]), "detail": "", "text": ""}
        for number, row in enumerate(rows)
    ]
    heading = {"orient": "top", "labelAngle": 0, "title": None, "labelExpr": _spell_labels(chart.across)}
    x = {
        "field": "across",
        "type": "ordinal",
        "sort": list(chart.across),
        "axis": heading,
        "scale": {"padding": 0},
    }
    cell = {
        "type": "rect",
        "height": 22 if list_.is_narrow else 32,
        "yOffset": list_.mark_offset,
        "cornerRadius": 2,
    }
    text = {"type": "text", "fontSize": SMALL, "baseline": "middle", "yOffset": list_.mark_offset}
    fill, ink = _colour_steps(chart.steps, HEAT), _colour_steps(chart.steps, HEAT_INKS)
    number = {"field": "value", "type": "quantitative", "legend": None}
    layers = [
        {"mark": cell, "encoding": {"x": x, "y": list_.y, "fill": {**number, "scale": fill}}},
        {
            "mark": text,
            "encoding": {"x": x, "y": list_.y, "text": {"field": "text"}, "color": {**number, "scale": ink}},
        },
    ]
    body = list_.lay_out(names, [], foot=4)
    body["layer"] = [{"data": {"values": values}, "layer": layers}, *body["layer"]]
    return {**body, "axis_above": 22}


def _spell_labels(names: Sequence[str]) -> str:
    """A Vega expression that maps column names to headings."""
    spelt = ", ".join(f"'{name}': '{spell_heading(name)}'" for name in names)
    return f"({{{spelt}}})[datum.value]"


def _draw_weeks(chart: Weeks, rows: Sequence[Row], width: int) -> Spec:
    values = [
        {
            "panel": row[chart.panel],
            "down": str(row[chart.down])[:3],
            "across": row[chart.across],
            "value": row[chart.value],
        }
        for row in rows
    ]
    columns = 1 if width < WIDE else 2
    left, gap = 38, 24
    days = list(dict.fromkeys(value["down"] for value in values))
    panels = list(dict.fromkeys(value["panel"] for value in values))
    panel_width = (width - left - (columns - 1) * gap) // columns
    hour = {
        "values": [0, 6, 12, 18],
        "labelAngle": 0,
        "title": None,
        "labelAlign": "left",
        "labelExpr": "datum.value + ' h'",
    }
    legend = {"orient": "bottom", "direction": "horizontal", "title": None, "symbolType": "square"}
    return {
        "data": {"values": values},
        "padding": {"left": 2, "right": 2, "bottom": 4},
        "indent": left + 2,
        "facet": {
            "field": "panel",
            "sort": panels,
            "header": {
                "title": None,
                "labelAnchor": "start",
                "labelColor": paint("ink"),
                "labelFontSize": TEXT,
            },
        },
        "columns": columns,
        "spacing": gap,
        "spec": {
            "width": panel_width,
            "height": 7 * 18,
            "mark": {"type": "rect"},
            "encoding": {
                "x": {"field": "across", "type": "ordinal", "axis": hour, "scale": {"padding": 0}},
                "y": {"field": "down", "type": "ordinal", "sort": days, "axis": {"title": None}},
                "color": {
                    "field": "value",
                    "type": "quantitative",
                    "scale": _colour_steps(chart.steps, HEAT),
                    "legend": {**legend, "labelColor": paint("muted"), "labelFontSize": SMALL},
                },
            },
        },
    }
