"""What drawings share: how they look in light and in dark mode, and how a box, a line and a link are written.

Knows SVG, and nothing about tables. A drawing's text can be selected, and it has a title and a description for screen
readers. It takes its colours from the page that it is in or, on its own, from the reader's preference.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass

STYLE = """
.drawn { --ink: var(--color-foreground-primary, #1f2328); --faint: var(--color-foreground-secondary, #59636e);
  --paper: var(--color-background-primary, #ffffff); --edge: var(--color-foreground-muted, #818b98);
  --accent: var(--color-brand-content, #0969da); --landing: #6e7781; --bronze: #a8632a; --silver: #6b7c93; --gold: #b78a00;
  font-family: system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
@media (prefers-color-scheme: dark) { .drawn { --ink: var(--color-foreground-primary, #e6edf3);
  --faint: var(--color-foreground-secondary, #9198a1); --paper: var(--color-background-primary, #0d1117);
  --edge: var(--color-foreground-muted, #7d8590); --accent: var(--color-brand-content, #4493f8); } }
.drawn text { fill: var(--ink); font-size: 12px; }
.drawn .band, .drawn .faint { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
.drawn .faint { fill: var(--faint); }
.drawn .head { font-weight: 600; }
.drawn .band { font-size: 13px; font-weight: 600; }
.drawn .box { fill: var(--paper); stroke-width: 1.2; }
.drawn .line { fill: none; stroke: var(--edge); stroke-width: 1.1; opacity: .55; }
.drawn a { text-decoration: none; }
.drawn a:hover text, .drawn a:focus text { fill: var(--accent); text-decoration: underline; }
.drawn .column:hover .line { stroke: var(--accent); stroke-width: 2; opacity: 1; }
.drawn .column:hover text { fill: var(--accent); }
"""
LAYER_COLOURS = {layer: f"var(--{layer})" for layer in ("landing", "bronze", "silver", "gold")}


@dataclass(frozen=True)
class Point:
    """A place in a drawing, in its own units, from the top left."""

    x: float
    y: float


def begin_drawing(width: float, height: float, name: str, title: str, description: str) -> ET.Element:
    """An empty drawing.

    Args:
        width: in its own units, which are pixels at full size.
        height: the same.
        name: prefix of its parts' ids, unique on a page.
        title: what it is, for screen readers.
        description: what it shows, for screen readers.
    """
    drawing = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "class": "drawn",
            "viewBox": f"0 0 {width:g} {height:g}",
            "width": f"{width:g}",
            "height": f"{height:g}",
            "role": "group",
            "aria-labelledby": f"{name}-title {name}-desc",
        },
    )
    ET.SubElement(drawing, "title", {"id": f"{name}-title"}).text = title
    ET.SubElement(drawing, "desc", {"id": f"{name}-desc"}).text = description
    ET.SubElement(drawing, "style").text = STYLE
    return drawing


def finish_drawing(drawing: ET.Element) -> str:
    """The drawing as text, a line per element."""
    ET.indent(drawing, " ")
    return ET.tostring(drawing, encoding="unicode") + "\n"


def add_group(parent: ET.Element, kind: str, title: str = "") -> ET.Element:
    """A group of parts, with a tooltip."""
    group = ET.SubElement(parent, "g", {"class": kind})
    if title:
        ET.SubElement(group, "title").text = title
    return group


def add_link(parent: ET.Element, address: str | None) -> ET.Element:
    """A group that is a link; a plain group without an address."""
    return ET.SubElement(parent, "a", {"href": address}) if address else ET.SubElement(parent, "g")


def add_box(parent: ET.Element, at: Point, width: float, height: float, layer: str) -> None:
    """A frame in the colour of a layer."""
    ET.SubElement(
        parent,
        "rect",
        {
            "class": "box",
            "x": f"{at.x:g}",
            "y": f"{at.y:g}",
            "width": f"{width:g}",
            "height": f"{height:g}",
            "rx": "4",
            "style": f"stroke: {LAYER_COLOURS[layer]}",
        },
    )


def add_text(parent: ET.Element, at: Point, words: str, kind: str = "", anchor: str = "start") -> None:
    """A line of text, with its baseline at a point."""
    place = {"x": f"{at.x:g}", "y": f"{at.y:g}", "text-anchor": anchor}
    ET.SubElement(parent, "text", {**({"class": kind} if kind else {}), **place}).text = words


def add_line(parent: ET.Element, start: Point, end: Point, *, is_down: bool = False) -> None:
    """A curve that starts and ends straight: to the right, or downwards."""
    if is_down:
        middle = (start.y + end.y) / 2
        bends = f"{start.x:g} {middle:g} {end.x:g} {middle:g}"
    else:
        middle = (start.x + end.x) / 2
        bends = f"{middle:g} {start.y:g} {middle:g} {end.y:g}"
    path = f"M{start.x:g} {start.y:g}C{bends} {end.x:g} {end.y:g}"
    ET.SubElement(parent, "path", {"class": "line", "d": path})


def average(values: Iterable[float], default: float) -> float:
    """The mean of values, or a default where there are none."""
    known = list(values)
    return sum(known) / len(known) if known else default
