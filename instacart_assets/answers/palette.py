"""The colours of charts and page, for light and dark mode.

Contains every colour, once, under its name in the styles. The steps of a one-hue ramp differ only in lightness, so they
can be told apart without colour vision; tests require a contrast to the background of 4.5 for text, and 3 for marks.
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
"""Colours by name: for light mode, for dark mode."""

HEAT = tuple(f"heat{step}" for step in range(7))
"""The ramp of a heat map, from the lowest value."""

HEAT_INKS = ("low", "low", "low", "low", "middle", "high", "high")
"""Colours of text on the ramp."""


def paint(name: str) -> str:
    """The colour as a CSS variable; where no style defines it, as in an image, that of light mode."""
    return f"var(--{name}, {COLOURS[name][0]})"
