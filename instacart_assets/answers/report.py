"""The report: all questions answered by a lake, written as one file.

Contains the way from a lake to that file. How it looks is in ``page/`` and ``charts.py``.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from instacart_assets.answers.ask import ask_question, pin_tables
from instacart_assets.answers.page import render_page
from instacart_assets.answers.question import load_questions
from instacart_assets.lakehouse.lake import Lakehouse


@dataclass(frozen=True)
class WrittenReport:
    """What was written.

    Attributes:
        path: path of the file.
        charts: number of questions with a chart.
        without_rows: names of the questions without one, as their answers have no rows.
        size: size of the file, in bytes.
        versions: versions of the tables that were read, by address.
    """

    path: Path
    charts: int
    without_rows: tuple[str, ...]
    size: int
    versions: dict[str, int]


def write_report(lake: Lakehouse, path: Path, moment: datetime) -> WrittenReport:
    """Ask all questions and write the report; readers see the previous one until it is complete.

    Args:
        lake: the lake to query.
        path: path of the HTML file; missing parent folders are created.
        moment: time shown in the report.

    Raises:
        TableMissingError: a table that a question reads was never published.
        QueryError: the engine rejects a query.
        RendererMissingError: the chart renderer is not installed.
        OSError: the file cannot be written.
    """
    questions = load_questions()
    versions = pin_tables(lake, questions)
    answers = [ask_question(lake, question, versions) for question in questions]
    page = render_page(answers, versions, moment).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_bytes(page)
    half.replace(path)
    drawn = [answer.question.name for answer in answers if answer.rows]
    empty = tuple(answer.question.name for answer in answers if not answer.rows)
    return WrittenReport(path, len(drawn), empty, len(page), versions)
