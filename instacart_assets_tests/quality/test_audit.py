"""What is found in rows that break their contract, and in rows that keep it."""

from collections.abc import Sequence

import pytest
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.contracts.model import Rule
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.quality.audit import Evidence, audit_rows, measure_history
from instacart_assets.quality.outcomes import SAMPLE_ROWS, RuleOutcome
from instacart_assets_tests.small_contracts import make_column, make_contract, make_rule

COLUMNS = (
    make_column("thing_id", "int", required=True, sources=("bronze.things.thing_id",)),
    make_column("name", required=True),
    make_column("price", "double"),
)
TYPES = "thing_id int, name string, price double"
Row = tuple[int | None, str | None, float | None]
GOOD: list[Row] = [(1, "a", 1.0), (2, "b", 2.0)]
AS_BEFORE = make_rule(
    "as_before", "SELECT count(*) FROM {batch}", scope="history", severity="warn", between=(0.5, 2.0)
)
NOTHING = Evidence()


def audit(
    spark: SparkSession,
    rows: Sequence[Row],
    *rules: Rule,
    evidence: Evidence = NOTHING,
    error_budget: float | None = None,
) -> dict[str, RuleOutcome]:
    """Outcomes by rule; they come for every rule that is not over counts, in the contract's order."""
    contract = make_contract(*COLUMNS, rules=rules, error_budget=error_budget)
    outcomes = audit_rows(spark.createDataFrame(list(rows), TYPES), contract, evidence)
    expected = [rule for rule in compile_rules(contract) if rule.scope != "counts"]
    assert [outcome.rule for outcome in outcomes] == expected
    return {outcome.rule.id: outcome for outcome in outcomes}


def list_failed(outcomes: dict[str, RuleOutcome]) -> list[tuple[str, bool]]:
    """Rules that are not kept, and whether they block."""
    return [(name, outcome.blocks) for name, outcome in outcomes.items() if not outcome.passed]


def test_rows_that_keep_their_contract_pass_every_rule(spark: SparkSession) -> None:
    outcomes = audit(
        spark,
        GOOD,
        make_rule("cheap", "price < 10"),
        make_rule("two", "count(*) = 2", scope="table"),
        make_rule("alone", "SELECT * FROM {batch} WHERE thing_id > 2", scope="query"),
    )
    assert list_failed(outcomes) == []
    kept = {"rows": 2, "threshold": "0 rows", "failing_rows": 0, "failing_share": 0.0}
    assert outcomes["cheap"].observed == outcomes["key_is_unique"].observed == kept
    assert outcomes["two"].observed == {"rows": 2, "threshold": "the condition holds"}
    assert {outcome.sample for outcome in outcomes.values()} == {()}


def test_rows_that_break_rules_of_every_scope_are_counted_and_shown(spark: SparkSession) -> None:
    outcomes = audit(
        spark,
        [(1, "a", 1.0), (1, None, None), (3, "c", -3.0), (4, "d", 20.0)],
        make_rule("cheap", "price < 10", severity="warn"),
        make_rule("few", "count(*) < 3", scope="table"),
        make_rule("dear", "SELECT name FROM {batch} WHERE price > 10", scope="query", severity="warn"),
    )
    assert list_failed(outcomes) == [
        ("key_is_unique", True),
        ("name_is_filled", True),
        ("cheap", False),
        ("few", True),
        ("dear", False),
    ]
    assert outcomes["key_is_unique"].sample == ({"thing_id": 1, "rows": 2},)
    assert outcomes["name_is_filled"].sample == ({"thing_id": 1, "name": None, "price": None},)
    cheap = outcomes["cheap"]  # a price that is null is not below 10
    assert (cheap.observed["failing_rows"], cheap.observed["failing_share"]) == (2, 0.5)
    assert [row["thing_id"] for row in cheap.sample] == [1, 4]
    assert outcomes["few"].sample == ({"holds": False, "rows": 4},)
    assert outcomes["dear"].observed["failing_rows"] == 1
    assert outcomes["dear"].sample == ({"name": "d"},)


def test_a_sample_is_the_first_rows_by_their_key(spark: SparkSession) -> None:
    rows = [(number, "x", float(number)) for number in reversed(range(10))]
    outcome = audit(spark, rows, make_rule("low", "price < 2"))["low"]
    assert (outcome.observed["failing_rows"], outcome.observed["failing_share"]) == (8, 0.8)
    assert len(outcome.sample) == SAMPLE_ROWS
    assert [row["thing_id"] for row in outcome.sample] == [2, 3, 4, 5, 6]


def test_no_rows_keep_every_promise_about_rows(spark: SparkSession) -> None:
    outcomes = audit(
        spark, [], make_rule("cheap", "price < 10"), make_rule("some", "count(*) > 0", scope="table")
    )
    assert list_failed(outcomes) == [("some", True)]
    assert outcomes["cheap"].observed["failing_share"] == 0.0


def test_a_rule_over_a_table_that_comes_to_null_is_not_kept(spark: SparkSession) -> None:
    rule = make_rule("dear", "max(price) > 0", scope="table")
    assert list_failed(audit(spark, [(1, "a", None)], rule)) == [("dear", True)]


def test_rows_are_held_against_other_tables(spark: SparkSession) -> None:
    rule = make_rule(
        "is_sold",
        "SELECT held.thing_id FROM {batch} AS held LEFT ANTI JOIN {gold.sales} AS sold "
        "ON held.thing_id = sold.thing_id",
        scope="query",
    )
    sales = spark.createDataFrame([(1,)], "thing_id int")
    outcome = audit(spark, GOOD, rule, evidence=Evidence(tables={"gold.sales": sales}))["is_sold"]
    assert outcome.blocks
    assert outcome.sample == ({"thing_id": 2},)


def test_a_key_that_another_table_does_not_have_breaks_the_reference(spark: SparkSession) -> None:
    contract = make_contract(
        make_column("thing_id", "int", required=True),
        make_column("shop_id", "int", references="silver.shops.number"),
    )
    rows = spark.createDataFrame([(1, 7), (2, 8), (3, None)], "thing_id int, shop_id int")
    shops = spark.createDataFrame([(7,)], "number int")
    evidence = Evidence(tables={"silver.shops": shops})
    outcome = audit_rows(rows, contract, evidence)[-1]
    assert (outcome.rule.id, outcome.blocks) == ("shop_id_is_in_silver_shops", True)
    assert outcome.sample == ({"thing_id": 2, "shop_id": 8},)


def refuse(spark: SparkSession) -> DataFrame:
    """Two refused rows, of which one breaks both rules."""
    return spark.createDataFrame(
        [
            (None, "x", -1.0, "a.csv", 2, ["thing_id_is_filled", "positive"]),
            (5, "y", -2.0, "a.csv", 3, ["positive"]),
        ],
        f"{TYPES}, _source_file string, _row_number bigint, _reasons array<string>",
    )


def test_a_rule_that_refused_rows_has_failed_and_does_not_block(spark: SparkSession) -> None:
    evidence = Evidence(
        refused=refuse(spark), refused_by_rule={"positive": 2, "thing_id_is_filled": 1}, read=4
    )
    rule = make_rule("positive", "price > 0", severity="reject")
    outcomes = audit(spark, GOOD, rule, evidence=evidence, error_budget=0.5)
    assert list_failed(outcomes) == [("thing_id_is_filled", False), ("positive", False)]
    assert outcomes["positive"].observed == {
        "rows": 4,
        "threshold": "0 rows",
        "refused_rows": 2,
        "failing_rows": 2,
        "failing_share": 0.5,
    }
    assert [row["name"] for row in outcomes["positive"].sample] == ["x", "y"]
    assert [row["_row_number"] for row in outcomes["thing_id_is_filled"].sample] == [2]


def test_a_row_that_should_have_been_refused_and_was_not_blocks(spark: SparkSession) -> None:
    rule = make_rule("positive", "price > 0", severity="reject")
    outcomes = audit(spark, [(1, "a", -1.0), (2, "b", 2.0)], rule, error_budget=0.5)
    assert list_failed(outcomes) == [("positive", True)]
    assert outcomes["positive"].sample == ({"thing_id": 1, "name": "a", "price": -1.0},)


def test_a_query_may_count_what_was_refused_in(spark: SparkSession) -> None:
    rule = make_rule(
        "numbered",
        "SELECT * FROM (SELECT max(thing_id) AS highest, count(*) AS rows FROM {batch}) "
        "WHERE highest > rows + (SELECT count(*) FROM {refused}) + (SELECT count(*) FROM {lines})",
        scope="query",
    )
    gaps: list[Row] = [(1, "a", 1.0), (5, "e", 5.0)]
    lines = spark.createDataFrame([("a.csv", 9)], "_source_file string, line_number bigint")
    explained = Evidence(refused=refuse(spark), lines=lines)
    assert list_failed(audit(spark, gaps, rule, evidence=explained)) == []
    unexplained = Evidence(refused=refuse(spark), lines=lines.limit(0))
    assert list_failed(audit(spark, gaps, rule, evidence=unexplained)) == [("numbered", True)]


@pytest.mark.parametrize("past", [(), (100.0, 100.0)])
def test_fewer_than_three_versions_are_no_history_to_compare_with(
    spark: SparkSession, past: tuple[float, ...]
) -> None:
    outcome = audit(spark, GOOD, AS_BEFORE, evidence=Evidence(past={"as_before": past}))["as_before"]
    assert outcome.passed
    assert outcome.observed == {"value": 2.0, "applies": f"no: {len(past)} of 3 versions to compare with"}


@pytest.mark.parametrize(
    ("past", "passes"),
    [
        ((2.0, 2.0, 2.0), True),
        ((1.0, 4.0, 900.0), True),  # by the median, which is 4
        ((1.0, 1.0, 1.0), True),  # twice as many are just within
        ((5.0, 5.0, 5.0), False),
        ((0.9, 0.9, 0.9), False),
    ],
)
def test_a_value_is_compared_with_the_median_of_its_past(
    spark: SparkSession, past: tuple[float, ...], passes: bool
) -> None:
    outcome = audit(spark, GOOD, AS_BEFORE, evidence=Evidence(past={"as_before": past}))["as_before"]
    assert (outcome.passed, outcome.blocks) == (passes, False)


def test_a_value_out_of_bounds_is_shown_with_them(spark: SparkSession) -> None:
    evidence = Evidence(past={"as_before": (5.0, 5.0, 5.0)})
    outcome = audit(spark, GOOD, AS_BEFORE, evidence=evidence)["as_before"]
    assert outcome.observed == {"value": 2.0, "rows": 2, "threshold": "between 2.5 and 10"}


def test_values_over_history_are_measured_for_the_versions_to_come(spark: SparkSession) -> None:
    nothing = make_rule("of_none", "SELECT avg(price) FROM {batch}", scope="history", between=(0.5, 2.0))
    contract = make_contract(*COLUMNS, rules=(AS_BEFORE, nothing))
    rows = spark.createDataFrame([(1, "a", None), (2, "b", None)], TYPES)
    assert measure_history(rows, contract) == {"as_before": 2.0}


def test_what_is_true_of_the_published_files_alone_is_asked_of_no_others(spark: SparkSession) -> None:
    rule = make_rule("are_three", "count(*) = 3", scope="table", is_for_public_files=True)
    elsewhere = audit(spark, GOOD, rule)["are_three"]
    assert elsewhere.passed
    assert elsewhere.observed == {"applies": "no: the landed files are not the published ones"}
    assert audit(spark, GOOD, rule, evidence=Evidence(is_public=True))["are_three"].blocks


@pytest.mark.parametrize(
    "broken",
    [
        make_rule("broken", "SELECT nonsense FROM {batch}", scope="query"),
        make_rule("broken", "SELECT * FROM {silver.nothing}", scope="query"),
        make_rule("broken", "sum(nonsense) > 0", scope="table"),
        make_rule("broken", "nonsense > 0"),
    ],
    ids=["query", "table", "aggregate", "row"],
)
def test_a_rule_that_cannot_be_asked_has_failed(spark: SparkSession, broken: Rule) -> None:
    outcome = audit(spark, GOOD, broken)["broken"]
    assert (outcome.passed, outcome.blocks) == (False, True)
    assert outcome.observed["error"]
    assert outcome.sample == ()


def test_a_query_that_cannot_be_asked_leaves_the_others_alone(spark: SparkSession) -> None:
    broken = make_rule("broken", "SELECT nonsense FROM {batch}", scope="query", severity="warn")
    outcomes = audit(spark, GOOD, make_rule("cheap", "price < 10"), broken)
    assert list_failed(outcomes) == [("broken", False)]
