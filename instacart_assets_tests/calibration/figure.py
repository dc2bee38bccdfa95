"""The picture of a calibration: how often intervals hold the truth, and p-values where there is no effect."""

from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from instacart_assets_tests.calibration.effects import name_parts

BLUE, GREY, BAND = "#1f5f8b", "#555555", "#dce9f2"


def draw_calibration(lifts: Mapping[str, Any], path: Path) -> None:
    """Draw the report of ``effects.describe``; the same report makes the same bytes."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    coverage, chances = figure.subplots(1, 2)
    parts = name_parts(lifts)
    names = list(parts)
    shares = [part["coverage"] for part in parts.values()]
    margins = [
        1.96 * sqrt(share * (1 - share) / part["effects"])
        for share, part in zip(shares, parts.values(), strict=True)
    ]
    coverage.axvspan(0.93, 0.97, color=BAND, label="aim")
    coverage.axvline(0.95, color=GREY, linewidth=0.8, linestyle="--")
    coverage.errorbar(shares, range(len(names)), xerr=margins, fmt="o", color=BLUE, capsize=3)
    coverage.set_yticks(range(len(names)), [f"{name}  ({part['effects']:,})" for name, part in parts.items()])
    coverage.invert_yaxis()
    coverage.set_xlim(0.88, 1.0)
    coverage.set_xlabel("share of 95 % intervals that hold the true lift")
    coverage.set_title("Coverage, by world and by true lift", fontsize=10)
    p_values = lifts["placebo_p_values"]
    ranks = [(rank + 0.5) / len(p_values) for rank in range(len(p_values))]
    chances.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--", label="as chance would have it")
    chances.plot(ranks, p_values, color=BLUE, label=f"{len(p_values):,} placebos")
    chances.set_xlabel("share of placebos")
    chances.set_ylabel("p-value below")
    chances.set_title("P-values of promotions without effect", fontsize=10)
    chances.legend(frameon=False, fontsize=8)
    for panel in (coverage, chances):
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "calibration", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
