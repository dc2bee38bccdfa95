"""The report's page: one self-contained HTML file, in light and dark, for phones and desktops.

Contains the content of the page, next to its template and its style. Charts are drawn in ``charts.py``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from instacart_assets import __version__
from instacart_assets.answers.ask import Answer
from instacart_assets.answers.charts import NARROW, WIDE, draw_chart
from instacart_assets.answers.palette import COLOURS
from instacart_assets.answers.wording import spell_heading, spell_rows

TITLE = "What the sales say"


def render_page(answers: Sequence[Answer], versions: Mapping[str, int], moment: datetime) -> str:
    """The page of the given answers. The same arguments give the same text.

    Args:
        answers: the answers, in their order.
        versions: versions of the tables that were read.
        moment: time of the report.

    Raises:
        RendererMissingError: the chart renderer is not installed.
    """
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.from_string(_read("index.html.j2")).render(
        title=TITLE,
        style=Markup(_write_colours() + _read("style.css")),  # noqa: S704 - the project's own
        answers=[_lay_out(answer) for answer in answers],
        versions=dict(sorted(versions.items())),
        moment=moment.isoformat(timespec="seconds"),
        version=__version__,
    )


def _read(file: str) -> str:
    return (resources.files(__name__) / file).read_text("utf-8")


def _write_colours() -> str:
    light, dark = (" ".join(f"--{name}: {pair[at]};" for name, pair in COLOURS.items()) for at in (0, 1))
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"


def _lay_out(answer: Answer) -> dict[str, Any]:
    """The template's variables for an answer."""
    front = answer.question.front
    return {
        "name": answer.question.name,
        "question": front.question,
        "about": front.about,
        "says": answer.says,
        "empty": front.empty,
        "narrow": _draw(answer, NARROW),
        "wide": _draw(answer, WIDE),
        "columns": _list_columns(answer),
        "rows": spell_rows(answer.rows),
        "sql": answer.question.sql.strip(),
    }


def _draw(answer: Answer, width: int) -> Markup:
    if not answer.rows:
        return Markup()
    chart = draw_chart(answer.question, answer.rows, width, answer.caveats)
    return Markup(chart)  # noqa: S704 - the renderer has escaped the values of the rows


def _list_columns(answer: Answer) -> list[dict[str, Any]]:
    first = answer.rows[0] if answer.rows else {}
    return [
        {"name": name, "heading": spell_heading(name), "is_number": _is_number(answer.rows, name)}
        for name in first
    ]


def _is_number(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(isinstance(row[name], int | float) and not isinstance(row[name], bool) for row in rows)
