"""The page is valid, leads nowhere wrong, loads nothing, and says what rows cannot."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from instacart_assets.answers.page import render_page
from instacart_assets_tests.answers.asked import BARS, DOTS, make_answer
from instacart_assets_tests.documentation.links import Page

MOMENT = datetime(2026, 11, 29, 5, 30, tzinfo=UTC)
ODD = "<script>alert('a & \"b\"')</script> | c"
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Outline(HTMLParser):
    """A page's headings, its ids, and whether what it opens it closes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.faults: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [str(value) for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


def render(*answers: Any) -> str:
    return render_page(answers, {"gold.dim_date": 3}, MOMENT)


@pytest.fixture(scope="module")
def page() -> str:
    return render(make_answer(DOTS, says="7 of 9 were judged.", caveats=("Simulated: it was invented.",)))


def test_the_page_closes_what_it_opens_and_names_nothing_twice(page: str) -> None:
    outline = Outline(page)
    assert (outline.faults, outline.open) == ([], [])
    assert len(outline.ids) == len(set(outline.ids))


def test_headings_are_one_of_the_page_and_one_of_each_question(page: str) -> None:
    outline = Outline(page)
    assert [tag for tag in outline.tags if re.fullmatch(r"h\d", tag)] == ["h1", "h2", "h2"]
    assert outline.texts["h2"] == ["Which fruit?", "What this page was made of"]


def test_every_chart_is_there_for_a_phone_and_a_desk_with_text_numbers_and_query(page: str) -> None:
    assert page.count('<svg role="img" aria-label="Simulated: it was invented. Dots with intervals') == 2
    outline = Outline(page)
    assert outline.texts["th"] == ["Fruit", "Place", "Lift", "Low", "High", "Sure"]
    assert outline.texts["td"] == [
        "Pear",
        "stand",
        "2.0",
        "1.5",
        "2.5",
        "yes",
        "Fig",
        "shelf",
        "1.5",
        "0.5",
        "2.5",
        "no",
    ]
    assert outline.texts["code"] == ["SELECT 1 AS one"]
    assert outline.tags.count("details") == 2
    assert "7 of 9 were judged." in outline.texts["p"]


def test_the_page_loads_nothing_runs_nothing_and_leads_to_itself(page: str) -> None:
    read = Page(page)
    assert read.loads == []
    assert set(read.leads_to) == {"#answers", "#fruit"} <= {f"#{anchor}" for anchor in read.anchors}
    assert "<script" not in page


def test_the_page_has_light_and_dark(page: str) -> None:
    assert "prefers-color-scheme: dark" in page
    asked = set(re.findall(r"var\((--[a-z0-9]+)", page))
    assert asked <= set(re.findall(r"(--[a-z0-9]+):", page))


def test_it_says_of_what_and_when_it_was_made(page: str) -> None:
    assert "gold.dim_date, version 3" in page
    assert '<time datetime="2026-11-29T05:30:00+00:00">' in page


def test_a_question_without_rows_is_told_and_not_drawn() -> None:
    page = render(make_answer(BARS, rows=[], says="0 of 9 were judged."))
    outline = Outline(page)
    assert {"There is no fruit.", "0 of 9 were judged."} <= set(outline.texts["p"])
    assert not {"svg", "figure", "table"} & set(outline.tags)


def test_odd_names_are_text_and_nothing_else() -> None:
    page = render(make_answer(BARS, rows=[{"fruit": ODD, "units": 1}], says=ODD))
    assert "<script" not in page
    outline = Outline(page)
    assert (outline.faults, outline.open) == ([], [])
    assert "".join(outline.texts["td"]) == f"{ODD}1"


def test_the_same_answers_give_the_same_bytes(page: str) -> None:
    again = render(make_answer(DOTS, says="7 of 9 were judged.", caveats=("Simulated: it was invented.",)))
    assert again == page
