"""Charts show what rows say, where they say it, and what must be said of it."""

import re
import sys
from xml.etree import ElementTree

import pytest

from instacart_assets.answers.charts import NARROW, WIDE, RendererMissingError, draw_chart
from instacart_assets.answers.palette import COLOURS
from instacart_assets_tests.answers.asked import BARS, DOTS, HEAT, LINE, ROWS, WEEKS, make_question

KINDS = [pytest.param(chart, id=chart.split()[2].strip(",")) for chart in ROWS]
ODD = "<script>alert('a & \"b\"')</script> | c"
SVG = "{http://www.w3.org/2000/svg}"


def draw(chart: str, width: int = WIDE, caveats: tuple[str, ...] = ()) -> ElementTree.Element:
    return ElementTree.fromstring(draw_chart(make_question(chart), ROWS[chart], width, caveats))  # noqa: S314 - own


def read_texts(svg: ElementTree.Element) -> list[str]:
    """Lines of text, one after the other."""
    return [text for node in svg.iter(f"{SVG}text") for text in node.itertext()]


def find_marks(svg: ElementTree.Element, kind: str, attribute: str = "d") -> list[ElementTree.Element]:
    return [
        node
        for group in svg.iter(f"{SVG}g")
        if kind in group.get("class", "")
        for node in group
        if node.get(attribute)
    ]


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("chart", KINDS)
def test_a_chart_is_an_image_with_a_text_and_as_wide_as_asked(chart: str, width: int) -> None:
    svg = draw(chart, width, ("Simulated: it was invented.",))
    assert svg.get("role") == "img"
    assert str(svg.get("aria-label")).startswith("Simulated: it was invented. ")
    assert abs(float(str(svg.get("width"))) - width) <= 12
    assert "Simulated: it was invented." in read_texts(svg)


@pytest.mark.parametrize("chart", KINDS)
def test_a_chart_has_no_colour_but_those_of_the_palette(chart: str) -> None:
    svg = draw_chart(make_question(chart), ROWS[chart], WIDE, ("Estimated.",))
    used = set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg)) - {"none", "transparent"}
    assert used <= {f"var(--{name}, {light})" for name, (light, _) in COLOURS.items()}


def test_a_bar_is_as_long_as_its_value() -> None:
    bars = find_marks(draw(BARS), "mark-rect role-mark")
    long, short = (float(str(re.match(r"M[\d.]+,[\d.]+L?h?([\d.]+)", str(bar.get("d")))[1])) for bar in bars)  # type: ignore[index]
    assert short / long == pytest.approx(0.25, abs=0.01)


def test_a_dot_says_whether_it_is_sure_and_has_its_interval_in_words() -> None:
    svg = draw(DOTS)
    fills = [str(dot.get("fill")) for dot in find_marks(svg, "mark-symbol")]
    assert [fill.split(",")[0] for fill in fills] == ["var(--mark", "var(--ground"]
    texts = read_texts(svg)
    assert {"2.0 (1.5–2.5)", "1.5 (0.5–2.5)", "● holds up · ○ may be luck · │ 1: no difference"} <= set(texts)  # noqa: RUF001


def test_a_cell_without_a_value_is_left_out() -> None:
    texts = read_texts(draw(HEAT))
    assert [text for text in texts if re.fullmatch(r"[\d.]+", text)] == ["0.5", "6.5", "3.5"]
    assert {"Sat", "Sun", "Pear", "Fig"} <= set(texts)


def test_cells_take_their_colour_from_the_steps() -> None:
    cells = find_marks(draw(WEEKS), "mark-rect role-mark")
    assert [str(cell.get("fill")).split(",")[0] for cell in cells] == [
        "var(--heat0",
        "var(--heat6",
        "var(--heat1",
        "var(--heat2",
    ]


def test_weeks_of_a_line_are_named() -> None:
    assert {"−1", "0", "1", "Weeks"} <= set(read_texts(draw(LINE)))  # noqa: RUF001


def test_odd_names_are_text_and_nothing_else() -> None:
    rows = [{"fruit": ODD, "units": 1}]
    text = draw_chart(make_question(BARS), rows, WIDE, (ODD,))
    assert "<script" not in text
    svg = ElementTree.fromstring(text)  # noqa: S314 - own
    assert ODD in str(svg.get("aria-label"))
    assert any(line.startswith("<script>") for line in read_texts(svg))


def test_two_rows_of_one_name_stay_two() -> None:
    rows = [{"fruit": "Pear", "units": 3}, {"fruit": "Pear", "units": 1}]
    svg = ElementTree.fromstring(draw_chart(make_question(BARS), rows, WIDE))  # noqa: S314 - own
    assert read_texts(svg).count("Pear") == len(find_marks(svg, "mark-rect role-mark")) == 2


@pytest.mark.parametrize("chart", KINDS)
def test_the_same_rows_give_the_same_bytes_which_stand_beside_others(chart: str) -> None:
    first, second = (draw_chart(make_question(chart), ROWS[chart], NARROW) for _ in range(2))
    assert first == second
    assert " id=" not in first


def test_without_the_renderer_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(RendererMissingError, match=r"pip install 'instacart-assets\[local\]'"):
        draw(BARS)
