"""Draws the graph of tables: from landed data at the top to the business's questions at the bottom.

Lays it out with a band for each layer, in it a row for each step from the layer's first tables, and in each row the
order that makes lines cross least.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence

from docs.compiler.svg import (
    Point,
    add_box,
    add_group,
    add_line,
    add_link,
    add_text,
    average,
    begin_drawing,
    finish_drawing,
)
from instacart_assets.contracts.model import LAYER_DESCRIPTIONS, LAYERS
from instacart_assets.graph import find_ancestors
from instacart_assets.tables.declare import Table

WIDTH, HEIGHT, ACROSS, DOWN = 112, 38, 8, 30
PER_ROW, LEFT, HEAD = 7, 1, 26
LONGEST = 15
"""Number of characters that fit into a box."""

SWEEPS = 8


def draw_graph(tables: Sequence[Table], link: Callable[[str], str | None] = lambda _: None) -> str:
    """All tables with their sources, as SVG.

    A line that follows from others is left out: what is made from silver.order_items is made from silver.orders too.
    Tables of refused rows are left out as well, and so are the tables that rules compare a table with.

    Args:
        tables: all of them.
        link: returns the page of the table at an address; None where it has none.
    """
    sources = _reduce_sources(tables)
    rows = _arrange(tables, sources)
    width = LEFT + PER_ROW * (WIDTH + ACROSS)
    places: dict[str, Point] = {}
    bands: list[tuple[str, float]] = []
    top = 0.0
    for layer in LAYERS:
        bands.append((layer, top))
        top += HEAD
        for row in rows[layer]:
            left = LEFT + (width - LEFT - len(row) * (WIDTH + ACROSS)) / 2
            places |= {one: Point(left + place * (WIDTH + ACROSS), top) for place, one in enumerate(row)}
            top += HEIGHT + DOWN
    drawing = begin_drawing(
        width,
        top - DOWN + 6,
        "graph",
        "The graph of tables",
        f"{len(tables)} tables in the layers {', '.join(LAYERS)}, from top to bottom, with a line from each table to those "
        "that are made of it. Lines that follow from others are left out.",
    )
    lines = add_group(drawing, "lines")
    for address, made_of in sources.items():
        for source in made_of:
            begin, end = places[source], places[address]
            add_line(
                lines,
                Point(begin.x + WIDTH / 2, begin.y + HEIGHT),
                Point(end.x + WIDTH / 2, end.y),
                is_down=True,
            )
    for name, begin_at in bands:
        add_text(drawing, Point(LEFT, begin_at + 14), name, "band")
        add_text(drawing, Point(LEFT + 56, begin_at + 14), LAYER_DESCRIPTIONS[name], "faint")
    for address, at in places.items():
        _draw_box(drawing, address, at, link(address))
    return finish_drawing(drawing)


def _reduce_sources(tables: Sequence[Table]) -> dict[str, list[str]]:
    """The sources of each table that are not also sources of its other sources."""
    known = {table.address: table for table in tables}
    found = {}
    for address, table in known.items():
        sources = [source for source in table.sources.values() if source in known]
        above = {one for source in sources for one in find_ancestors(known[source], known)}
        found[address] = [source for source in sources if source not in above]
    return found


def _arrange(tables: Sequence[Table], sources: Mapping[str, Sequence[str]]) -> dict[str, list[list[str]]]:
    """The tables of each layer in rows, each row below its sources."""
    known = {table.address: table for table in tables}
    steps: dict[str, int] = {}

    def count_steps(address: str) -> int:
        if address not in steps:
            within = [
                one
                for one in known[address].sources.values()
                if one in known and one.split(".")[0] == known[address].contract.layer
            ]
            steps[address] = max((count_steps(one) + 1 for one in within), default=0)
        return steps[address]

    rows: dict[str, list[list[str]]] = {}
    for layer in LAYERS:
        here = [address for address in known if known[address].contract.layer == layer]
        by_step: dict[int, list[str]] = {}
        for address in here:
            by_step.setdefault(count_steps(address), []).append(address)
        rows[layer] = [row for step in sorted(by_step) for row in _break_row(by_step[step])]
    return _uncross(rows, sources)


def _break_row(row: Sequence[str]) -> list[list[str]]:
    """A row split into as many rows as needed, of about equal length."""
    count = -(-len(row) // PER_ROW)
    size = -(-len(row) // count)
    return [list(row[start : start + size]) for start in range(0, len(row), size)]


def _uncross(
    rows: dict[str, list[list[str]]], sources: Mapping[str, Sequence[str]]
) -> dict[str, list[list[str]]]:
    """The rows, each ordered by the average position of the tables it is connected to."""
    every = [row for layer in rows.values() for row in layer]
    near: dict[str, list[str]] = {address: list(made_of) for address, made_of in sources.items()}
    for address, made_of in sources.items():
        for source in made_of:
            near[source].append(address)
    for sweep in range(SWEEPS):
        places = {one: place - len(row) / 2 for row in every for place, one in enumerate(row)}
        for row in every if sweep % 2 else reversed(every):
            row.sort(key=lambda one: (average((places[other] for other in near[one]), places[one]), one))
            places |= {one: place - len(row) / 2 for place, one in enumerate(row)}
    return rows


def _draw_box(parent: ET.Element, address: str, at: Point, page: str | None) -> None:
    layer, name = address.split(".")
    group = add_link(parent, page)
    add_box(group, at, WIDTH, HEIGHT, layer)
    words = _break_name(name)
    foot = at.y + HEIGHT / 2 + 4 - 7 * (len(words) - 1)
    for number, word in enumerate(words):
        add_text(group, Point(at.x + WIDTH / 2, foot + 14 * number), word, anchor="middle")


def _break_name(name: str) -> list[str]:
    """A long name in two lines, broken at the underscore that makes the longer line shortest."""
    if len(name) <= LONGEST:
        return [name]
    breaks = [
        place + 1 for place, letter in enumerate(name) if letter == "_" and name[place + 1 : place + 2] != "_"
    ]
    best = min(breaks, key=lambda place: max(place, len(name) - place))
    return [name[:best], name[best:]]
