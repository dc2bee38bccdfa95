"""The colours of charts and page, in light and in dark.

Here lives every colour, once, under the name by which styles know it. A ramp of one hue is told apart by lightness alone,
so by whoever sees no colours too; tests hold each text to a contrast of 4.5 to its ground, and each mark to 3.
"""

COLOURS: dict[str, tuple[str, str]] = {
    "ground": ("#ffffff", "#14181d"),
    "panel": ("#f5f7f9", "#1c2229"),
    "ink": ("#16202a", "#e8edf2"),
    "muted": ("#55606b", "#a3afbb"),
    "rule": ("#dde3e8", "#303943"),
    "mark": ("#0b5fa5", "#6cb4f0"),
    "caveat": ("#8a4400", "#f3b562"),
    "heat0": ("#eef3f8", "#1d2731"),
    "heat1": ("#d5e3f0", "#22394e"),
    "heat2": ("#b3cde3", "#285070"),
    "heat3": ("#85b0d5", "#336b95"),
    "heat4": ("#5f9acb", "#5b9fd1"),
    "heat5": ("#24669f", "#8ec4ec"),
    "heat6": ("#0b3d6b", "#c8e5fc"),
    "low": ("#16202a", "#e8edf2"),
    "middle": ("#16202a", "#0d1217"),
    "high": ("#ffffff", "#0d1217"),
}
"""By name: in light, in dark."""

HEAT = tuple(f"heat{step}" for step in range(7))
"""The ramp of a heat map, from the least."""

HEAT_INKS = ("low", "low", "low", "low", "middle", "high", "high")
"""Text on these."""


def paint(name: str) -> str:
    """The colour as a style knows it; where nothing says otherwise, as in an image, that of light."""
    return f"var(--{name}, {COLOURS[name][0]})"
