"""Questions are read, say what they must, and can be asked of the tables that contracts promise."""

import re

import pytest

from deploy.bundle_check.empty_lake import EmptyLake
from instacart_assets.answers.question import Question, QuestionError, load_questions, read_question
from instacart_assets.answers.wording import CAVEATS
from instacart_assets.contracts.load import load_contracts
from instacart_assets_tests.answers.asked import BARS, FRONT, make_question

QUESTIONS = load_questions()


@pytest.fixture(scope="module")
def tables() -> EmptyLake:
    return EmptyLake("")


def name(question: Question) -> str:
    return question.name


def test_a_question_is_its_leading_comment_and_its_query() -> None:
    question = make_question(BARS)
    assert question.front.question == "Which fruit?"
    assert question.front.chart.columns == ("fruit", "units")
    assert question.sql == "SELECT 1 AS one\n"


def test_the_tables_of_a_question_are_those_of_its_query_and_of_its_context() -> None:
    context = "context: { query: SELECT count(*) AS n FROM gold.dim_date, says: '{n}' }\nempty:"
    text = FRONT.replace("{chart}", BARS).replace("empty:", context)
    question = read_question("fruit", f"{text}FROM gold.dim_product JOIN gold.dim_date")
    assert question.tables == ("gold.dim_date", "gold.dim_product")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT 1", "fruit.sql does not begin with a comment"),
        (FRONT.replace("{chart}", "{ kind: pie }"), "'pie'"),
        (FRONT.replace("{chart}", BARS).replace("about:", "abuot:"), "abuot"),
        (FRONT.replace("{chart}", "{"), "cannot be read"),
    ],
)
def test_what_is_no_question_is_told_by_its_file(text: str, told: str) -> None:
    with pytest.raises(QuestionError, match=told):
        read_question("fruit", text)


def test_every_file_is_a_question_and_each_has_a_place_of_its_own() -> None:
    places = [question.front.place for question in QUESTIONS]
    assert places == sorted(set(places))
    assert {"promotions", "repeat_purchases", "weekdays"} <= {question.name for question in QUESTIONS}


@pytest.mark.parametrize("question", QUESTIONS, ids=name)
def test_the_query_gives_what_the_chart_shows(question: Question, tables: EmptyLake) -> None:
    given = tables.find_columns(question.sql, None)
    assert set(question.front.chart.columns) <= set(given)
    assert len(given) == len(set(given))


@pytest.mark.parametrize("question", QUESTIONS, ids=name)
def test_the_context_gives_what_its_sentence_names(question: Question, tables: EmptyLake) -> None:
    if question.front.context is not None:
        given = tables.find_columns(question.front.context.query, None)
        question.front.context.says.format(**dict.fromkeys(given, "7"))


@pytest.mark.parametrize("question", QUESTIONS, ids=name)
def test_a_question_says_what_is_simulated_or_estimated_in_its_tables(
    question: Question, tables: EmptyLake
) -> None:
    contracts = load_contracts()
    facts = [contracts[table] for table in question.tables if not table.startswith("gold.dim_")]
    held = {caveat for caveat in CAVEATS for contract in facts if caveat in contract.column_names}
    context = question.front.context
    given = set() if context is None else set(tables.find_columns(context.query, None))
    assert held == given & set(CAVEATS)


@pytest.mark.parametrize("question", QUESTIONS, ids=name)
def test_questions_read_gold_alone(question: Question) -> None:
    read = set(re.findall(r"\b(?:FROM|JOIN)\s+([a-z_]+\.[a-z_]+)", question.sql))
    assert read
    assert read <= set(question.tables) <= set(load_contracts())
