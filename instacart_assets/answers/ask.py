"""Queries a lake for the answers: over one version of every table, so that all answers are of the same state.

Contains the queries, not how answers look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instacart_assets.answers.question import Question, find_tables
from instacart_assets.answers.wording import list_caveats, spell_rows
from instacart_assets.lakehouse.lake import Lakehouse, TableMissingError
from instacart_assets.lakehouse.query import run_query


@dataclass(frozen=True)
class Answer:
    """A lake's answer to a question.

    Attributes:
        question: the question.
        rows: result of the question's query, in its order.
        says: what else there is to know, in a sentence; empty if the question has no context.
        caveats: the caveats on what is simulated or estimated.
    """

    question: Question
    rows: tuple[dict[str, Any], ...]
    says: str
    caveats: tuple[str, ...]


def pin_tables(lake: Lakehouse, questions: Sequence[Question]) -> dict[str, int]:
    """The currently published version of each table that the questions read, by address.

    Raises:
        TableMissingError: some tables were never published.
    """
    read = sorted({table for question in questions for table in question.tables})
    found = {table: lake.find_version(table) for table in read}
    missing = [table for table, version in found.items() if version is None]
    if missing:
        raise TableMissingError(
            f"not in the lake {lake.place}: {', '.join(missing)}; make what is missing with its sources: "
            f'instacart run --select "{" or ".join(f"+{table}" for table in missing)}"'
        )
    return {table: version for table, version in found.items() if version is not None}


def ask_question(lake: Lakehouse, question: Question, versions: Mapping[str, int]) -> Answer:
    """The lake's answer.

    Args:
        lake: the lake with the tables.
        question: the question.
        versions: version of each table that it reads, by address.

    Raises:
        QueryError: the engine rejects the query.
    """
    rows = tuple(_ask(lake, question.sql, versions))
    context = question.front.context
    if context is None:
        return Answer(question, rows, "", list_caveats(*rows))
    (known,) = _ask(lake, context.query, versions)
    return Answer(question, rows, context.says.format(**spell_rows([known])[0]), list_caveats(known, *rows))


def _ask(lake: Lakehouse, sql: str, versions: Mapping[str, int]) -> list[dict[str, Any]]:
    named = {table: versions[table] for table in find_tables(sql)}
    rows: list[dict[str, Any]] = run_query(lake, sql, versions=named).to_pylist()
    return rows
