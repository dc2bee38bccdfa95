"""The figure that compares the ways: seconds and memory."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

OWN, OTHER = "#1f5f8b", "#9aa7b0"


def draw_ways(costs: Mapping[str, tuple[float, float]], path: Path) -> None:
    """Draw seconds and GiB of each way, this project's in another colour; the same costs give the same bytes."""
    names = list(costs)
    colours = [OTHER if name.endswith("script") else OWN for name in names]
    figure = Figure(figsize=(9, 0.9 + 0.42 * len(names)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, place, what, spell in zip(
        panels, (0, 1), ("seconds", "GiB of memory at most"), ("{:.0f}", "{:.1f}"), strict=True
    ):
        bars = panel.barh(names, [costs[name][place] for name in names], color=colours, height=0.6)
        panel.bar_label(bars, [spell.format(costs[name][place]) for name in names], padding=3, fontsize=8)
        panel.set_xlabel(what, fontsize=9)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
        panel.margins(x=0.12)
    panels[0].invert_yaxis()
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "benchmarks", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
