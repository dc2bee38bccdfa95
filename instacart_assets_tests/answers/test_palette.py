"""Colours can be told from their ground, in light and in dark, by whoever sees no hues too."""

from itertools import pairwise

import pytest

from instacart_assets.answers.palette import COLOURS, HEAT, HEAT_INKS, paint

MODES = [pytest.param(0, id="light"), pytest.param(1, id="dark")]


def measure_luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def measure_contrast(one: str, other: str, mode: int) -> float:
    """Contrast of two colours as WCAG 2.2 defines it, from 1 to 21."""
    dark, light = sorted(measure_luminance(COLOURS[name][mode]) for name in (one, other))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("text", ["ink", "muted", "mark", "caveat"])
@pytest.mark.parametrize("ground", ["ground", "panel"])
def test_text_can_be_read(text: str, ground: str, mode: int) -> None:
    assert measure_contrast(text, ground, mode) >= 4.5


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("ink", "colour"), list(zip(HEAT_INKS, HEAT, strict=True)))
def test_numbers_in_a_heat_map_can_be_read(ink: str, colour: str, mode: int) -> None:
    assert measure_contrast(ink, colour, mode) >= 4.5


@pytest.mark.parametrize("mode", MODES)
def test_a_heat_map_goes_from_the_ground_step_by_step(mode: int) -> None:
    far = [measure_contrast(colour, "ground", mode) for colour in HEAT]
    assert all(later >= 1.15 * earlier for earlier, later in pairwise(far)), far


def test_contrast_is_measured_as_the_standard_does() -> None:
    assert measure_luminance("#ffffff") == pytest.approx(1)
    assert measure_luminance("#777777") == pytest.approx(0.184, abs=0.001)


def test_a_chart_alone_has_the_colours_of_light() -> None:
    assert paint("mark") == f"var(--mark, {COLOURS['mark'][0]})"
