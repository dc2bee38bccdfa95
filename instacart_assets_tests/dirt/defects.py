"""The list of defects: how each spoils clean files, which rule catches it, and what follows from it.

Contains nothing but the list. What an expectation means is tested in ``test_dirt.py``; an expectation that is not
stated is that nothing happens: no other rule is broken, and no reader of silver sees another row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from instacart_assets_tests.dirt import drop as d
from instacart_assets_tests.dirt import edits as e
from instacart_assets_tests.dirt.drop import (
    AISLES,
    DEPARTMENTS,
    ORDERS,
    PRIOR,
    PRODUCTS,
    PROMOTIONS,
    Reach,
    stamp,
)
from instacart_assets_tests.dirt.edits import Edit

Outcome = Literal["quarantined", "lines", "dropped", "blocked", "error", "warned", "harmless"]


@dataclass(frozen=True)
class Defect:
    """One way in which landed files can be wrong.

    Attributes:
        name: the defect in words.
        source: the landed source that is spoilt.
        inject: how.
        outcome: what becomes of it: rows ``quarantined``, ``lines`` isolated, rows ``dropped`` as repeats, the
            version ``blocked``, the file refused with an ``error``, or published and ``warned`` of; ``harmless``
            where it changes nothing.
        caught_by: ``layer.table rule`` of the rule that must catch it, or ``layer.table note`` where the run notes
            what was dropped or is harmless; of an error the words it must say.
        along: other rules of the same table that the same record breaks.
        consequences: rules that fail in later tables, or for other rows, by table.
        lost: silver rows that readers do not have by it, exactly.
        changed: silver rows that readers have otherwise, or beyond those of the clean files, exactly.
        records: how many records the rule refuses.
        duplicates: rows left out as exact duplicates.
        superseded: rows left out for those of a later file.
        clean_runs: how many runs with clean files come before, each of which publishes silver.
    """

    name: str
    source: str
    inject: Edit
    outcome: Outcome
    caught_by: str = ""
    along: frozenset[str] = frozenset()
    consequences: Mapping[str, frozenset[str]] = field(default_factory=dict)
    lost: Reach = d.nothing
    changed: Reach = d.nothing
    records: int = 1
    duplicates: int = 0
    superseded: int = 0
    clean_runs: int = 1

    @property
    def table(self) -> str:
        """The table whose rule or note tells of it."""
        return self.caught_by.split(" ")[0]

    @property
    def rule(self) -> str:
        """The rule that must catch it; empty where none does."""
        is_caught = self.outcome in {"quarantined", "lines", "blocked", "warned"}
        return self.caught_by.partition(" ")[2] if is_caught else ""

    @property
    def note(self) -> str:
        """The note of the run that tells of it; empty where none does."""
        return self.caught_by.partition(" ")[2] if self.outcome in {"dropped", "harmless"} else ""


def rules(names: str) -> frozenset[str]:
    """Names of rules, written with spaces between them."""
    return frozenset(names.split())


UNKNOWN_ORDER = rules("order_is_known")
"""What a line breaks whose order was refused."""
UNKNOWN_PRODUCT = rules("product_is_known")
"""What a line breaks whose product was refused."""
NO_DATE = rules("order_date_can_be_told")
"""What an order breaks whose date cannot be known."""

ITEMS_OF_IT: Mapping[str, frozenset[str]] = {"silver.order_items": UNKNOWN_ORDER}
LATER_ORDERS: Mapping[str, frozenset[str]] = {"silver.orders": NO_DATE, **ITEMS_OF_IT}

MALFORMED = (
    Defect(
        "a line of orders is too short",
        ORDERS,
        e.rewrite_line(ORDERS, d.A_LAST_ORDER, lambda line: line.rpartition(b",")[0]),
        "lines",
        "bronze.orders lines_are_well_formed",
        lost=d.the_order(d.A_LAST_ORDER),
    ),
    Defect(
        "a line in the middle of a history is too long",
        ORDERS,
        e.rewrite_line(ORDERS, d.A_MIDDLE_ORDER, lambda line: line + b",1"),
        "lines",
        "bronze.orders lines_are_well_formed",
        consequences=LATER_ORDERS,
        lost=d.from_the_order_on(d.A_MIDDLE_ORDER),
    ),
    Defect(
        "a line of a basket is too short",
        PRIOR,
        e.rewrite_line(PRIOR, d.A_LINE, lambda line: line.rpartition(b",")[0]),
        "lines",
        "bronze.order_products__prior lines_are_well_formed",
        lost=d.row_of("silver.order_items", d.A_LINE),
    ),
    Defect(
        "the first line of a product bought again is too long",
        PRIOR,
        e.rewrite_line(PRIOR, d.A_LINE_BOUGHT_AGAIN, lambda line: line + b","),
        "lines",
        "bronze.order_products__prior lines_are_well_formed",
        lost=d.row_of("silver.order_items", d.A_LINE_BOUGHT_AGAIN),
    ),
    Defect(
        "a name is no UTF-8",
        PRODUCTS,
        e.rewrite_line(PRODUCTS, d.a_rare_product, lambda line: line.replace(b",", b",Caf\xe9 ", 1)),
        "lines",
        "bronze.products lines_are_well_formed",
        consequences={"silver.order_items": UNKNOWN_PRODUCT},
        lost=d.the_product(d.a_rare_product),
    ),
    Defect(
        "a quotation does not end",
        PRODUCTS,
        e.rewrite_line(PRODUCTS, d.a_rare_product, lambda line: line.replace(b",", b',"', 1)),
        "lines",
        "bronze.products lines_are_well_formed",
        consequences={"silver.order_items": UNKNOWN_PRODUCT},
        lost=d.the_product(d.a_rare_product),
    ),
    Defect(
        "text follows a closing quotation mark",
        PRODUCTS,
        e.rewrite_line(PRODUCTS, d.a_rare_product, lambda line: line.replace(b",", b',"Fine" ', 1)),
        "lines",
        "bronze.products lines_are_well_formed",
        consequences={"silver.order_items": UNKNOWN_PRODUCT},
        lost=d.the_product(d.a_rare_product),
    ),
    Defect(
        "a carriage return within a line",
        PRODUCTS,
        e.rewrite_line(PRODUCTS, d.a_rare_product, lambda line: line.replace(b",", b",Fine\r", 1)),
        "lines",
        "bronze.products lines_are_well_formed",
        consequences={"silver.order_items": UNKNOWN_PRODUCT},
        lost=d.the_product(d.a_rare_product),
    ),
    Defect(
        "a line of nothing but spaces",
        AISLES,
        e.insert(AISLES, d.a_rare_aisle, b"   "),
        "lines",
        "bronze.aisles lines_are_well_formed",
    ),
    Defect(
        "a line of another export's separator",
        PROMOTIONS,
        e.rewrite_line(PROMOTIONS, d.a_promotion, lambda line: line.replace(b",", b";")),
        "lines",
        "bronze.promotions lines_are_well_formed",
        lost=d.row_of("silver.promotions", d.a_promotion),
    ),
    Defect(
        "the header once more, where two files were joined",
        ORDERS,
        e.insert_header(ORDERS, d.A_LAST_ORDER),
        "quarantined",
        "silver.orders order_id_is_filled",
        along=rules(
            "user_id_is_filled order_number_is_filled order_dow_is_filled order_day_name_is_filled order_hour_of_day_is_filled order_date_can_be_told eval_set_is_known order_number_is_positive order_dow_is_in_week order_hour_is_in_day gap_is_null_exactly_for_first_order gap_is_in_range"
        ),
    ),
    Defect(
        "the header of baskets once more",
        PRIOR,
        e.insert_header(PRIOR, d.A_LAST_LINE),
        "quarantined",
        "silver.order_items order_id_is_filled",
        along=rules(
            "product_id_is_filled add_to_cart_order_is_filled is_reordered_is_filled order_is_known product_is_known add_to_cart_order_is_positive"
        ),
    ),
)

ORDER_CELLS = (
    Defect(
        "order_id is text",
        ORDERS,
        e.put(ORDERS, d.A_LAST_ORDER, order_id="A17"),
        "quarantined",
        "silver.orders order_id_is_filled",
        lost=d.the_order(d.A_LAST_ORDER),
    ),
    Defect(
        "order_id is missing",
        ORDERS,
        e.put(ORDERS, d.A_LAST_ORDER, order_id=""),
        "quarantined",
        "silver.orders order_id_is_filled",
        lost=d.the_order(d.A_LAST_ORDER),
    ),
    Defect(
        "order_id is larger than any number",
        ORDERS,
        e.put(ORDERS, d.A_LAST_ORDER, order_id="9" * 30),
        "quarantined",
        "silver.orders order_id_is_filled",
        lost=d.the_order(d.A_LAST_ORDER),
    ),
    Defect(
        "user_id is text in the middle of a history",
        ORDERS,
        e.put(ORDERS, d.A_MIDDLE_ORDER, user_id="nobody"),
        "quarantined",
        "silver.orders user_id_is_filled",
        along=NO_DATE,
        consequences=LATER_ORDERS,
        lost=d.from_the_order_on(d.A_MIDDLE_ORDER),
    ),
    Defect(
        "eval_set is unknown",
        ORDERS,
        e.put(ORDERS, d.A_LAST_ORDER, eval_set="holdout"),
        "quarantined",
        "silver.orders eval_set_is_known",
        lost=d.the_order(d.A_LAST_ORDER),
    ),
    Defect(
        "eval_set is missing",
        ORDERS,
        e.put(ORDERS, d.A_LAST_ORDER, eval_set=""),
        "quarantined",
        "silver.orders eval_set_is_filled",
        along=rules("eval_set_is_known"),
        lost=d.the_order(d.A_LAST_ORDER),
    ),
    Defect(
        "order_number is text",
        ORDERS,
        e.put(ORDERS, d.A_MIDDLE_ORDER, order_number="third"),
        "quarantined",
        "silver.orders order_number_is_filled",
        along=rules("order_date_can_be_told order_number_is_positive gap_is_null_exactly_for_first_order"),
        consequences=LATER_ORDERS,
        lost=d.from_the_order_on(d.A_MIDDLE_ORDER),
    ),
    Defect(
        "order_number is 0",
        ORDERS,
        e.put(ORDERS, d.A_MIDDLE_ORDER, order_number="0"),
        "quarantined",
        "silver.orders order_number_is_positive",
        along=NO_DATE,
        consequences=LATER_ORDERS,
        lost=d.from_the_order_on(d.A_MIDDLE_ORDER),
    ),
    Defect(
        "order_dow is 7",
        ORDERS,
        e.put(ORDERS, d.A_LAST_ORDER, order_dow="7"),
        "quarantined",
        "silver.orders order_dow_is_in_week",
        along=rules("order_day_name_is_filled order_date_can_be_told"),
        lost=d.the_order(d.A_LAST_ORDER),
    ),
    Defect(
        "order_dow is -1",
        ORDERS,
        e.put(ORDERS, d.A_LAST_ORDER, order_dow="-1"),
        "quarantined",
        "silver.orders order_dow_is_in_week",
        along=rules("order_day_name_is_filled order_date_can_be_told"),
        lost=d.the_order(d.A_LAST_ORDER),
    ),
    Defect(
        "order_dow is the name of a day, on day 0",
        ORDERS,
        e.put(ORDERS, d.AN_ORDER_ON_DAY_ZERO, order_dow="Saturday"),
        "quarantined",
        "silver.orders order_dow_is_filled",
        along=rules("order_dow_is_in_week order_day_name_is_filled weekday_of_date_is_order_dow"),
        consequences=ITEMS_OF_IT,
        lost=d.the_order(d.AN_ORDER_ON_DAY_ZERO),
    ),
    Defect(
        "order_dow is text before a capped gap of 35 days",
        ORDERS,
        e.put(ORDERS, d.AN_ORDER_BEFORE_35_DAYS, order_dow="x"),
        "quarantined",
        "silver.orders order_dow_is_filled",
        along=rules("order_dow_is_in_week order_day_name_is_filled order_date_can_be_told"),
        consequences=LATER_ORDERS,
        lost=d.from_the_order_on(d.AN_ORDER_BEFORE_35_DAYS),
    ),
    Defect(
        "order_dow of a first order is text",
        ORDERS,
        e.put(ORDERS, d.A_FIRST_ORDER, order_dow="x"),
        "quarantined",
        "silver.orders order_dow_is_filled",
        along=rules("order_dow_is_in_week order_day_name_is_filled order_date_can_be_told"),
        consequences=LATER_ORDERS,
        lost=d.from_the_order_on(d.A_FIRST_ORDER),
    ),
    Defect(
        "order_dow contradicts the gap",
        ORDERS,
        lambda drop: e.put(
            ORDERS, d.A_MIDDLE_ORDER, order_dow=str((int(d.A_MIDDLE_ORDER(drop)["order_dow"]) + 2) % 7)
        )(drop),
        "quarantined",
        "silver.orders weekday_of_date_is_order_dow",
        consequences=ITEMS_OF_IT,
        lost=d.the_order(d.A_MIDDLE_ORDER),
    ),
    Defect(
        "the hour is 24",
        ORDERS,
        e.put(ORDERS, d.A_MIDDLE_ORDER, order_hour_of_day="24"),
        "quarantined",
        "silver.orders order_hour_is_in_day",
        consequences=ITEMS_OF_IT,
        lost=d.the_order(d.A_MIDDLE_ORDER),
    ),
    Defect(
        "the hour is text",
        ORDERS,
        e.put(ORDERS, d.A_LAST_ORDER, order_hour_of_day="noon"),
        "quarantined",
        "silver.orders order_hour_of_day_is_filled",
        along=rules("order_hour_is_in_day"),
        lost=d.the_order(d.A_LAST_ORDER),
    ),
    Defect(
        "the gap is 31, 28 days more than it was",
        ORDERS,
        e.put(ORDERS, d.AN_ORDER_AFTER_THREE_DAYS, days_since_prior_order="31.0"),
        "quarantined",
        "silver.orders gap_is_in_range",
        along=NO_DATE,
        consequences=LATER_ORDERS,
        lost=d.from_the_order_on(d.AN_ORDER_AFTER_THREE_DAYS),
    ),
    Defect(
        "the gap is -1, 7 days less than it was",
        ORDERS,
        e.put(ORDERS, d.AN_ORDER_AFTER_SIX_DAYS, days_since_prior_order="-1.0"),
        "quarantined",
        "silver.orders gap_is_in_range",
        along=NO_DATE,
        consequences=LATER_ORDERS,
        lost=d.from_the_order_on(d.AN_ORDER_AFTER_SIX_DAYS),
    ),
    Defect(
        "the gap is text",
        ORDERS,
        e.put(ORDERS, d.A_MIDDLE_ORDER, days_since_prior_order="a while"),
        "quarantined",
        "silver.orders gap_is_in_range",
        along=NO_DATE,
        consequences=LATER_ORDERS,
        lost=d.from_the_order_on(d.A_MIDDLE_ORDER),
    ),
    Defect(
        "the gap is NaN",
        ORDERS,
        e.put(ORDERS, d.A_LAST_ORDER, days_since_prior_order="NaN"),
        "quarantined",
        "silver.orders gap_is_in_range",
        along=NO_DATE,
        lost=d.the_order(d.A_LAST_ORDER),
    ),
    Defect(
        "the gap is no whole number",
        ORDERS,
        e.put(ORDERS, d.A_LAST_ORDER, days_since_prior_order="2.5"),
        "quarantined",
        "silver.orders gap_is_in_range",
        along=NO_DATE,
        lost=d.the_order(d.A_LAST_ORDER),
    ),
    Defect(
        "the gap of a later order is missing, which was a week",
        ORDERS,
        e.put(ORDERS, d.AN_ORDER_AFTER_A_WEEK, days_since_prior_order=""),
        "quarantined",
        "silver.orders gap_is_null_exactly_for_first_order",
        along=NO_DATE,
        consequences=LATER_ORDERS,
        lost=d.from_the_order_on(d.AN_ORDER_AFTER_A_WEEK),
    ),
    Defect(
        "a first order has a gap",
        ORDERS,
        e.put(ORDERS, d.A_FIRST_ORDER, days_since_prior_order="4.0"),
        "quarantined",
        "silver.orders gap_is_null_exactly_for_first_order",
        consequences=ITEMS_OF_IT,
        lost=d.the_order(d.A_FIRST_ORDER),
    ),
    Defect(
        "the gap is wrong and contradicts the weekday",
        ORDERS,
        e.put(ORDERS, d.AN_ORDER_AFTER_A_WEEK, days_since_prior_order="9.0"),
        "quarantined",
        "silver.orders weekday_of_date_is_order_dow",
        consequences=ITEMS_OF_IT,
        lost=d.from_the_order_on(d.AN_ORDER_AFTER_A_WEEK),
        records=5,
    ),
)

HISTORIES = (
    Defect(
        "an order in the middle of a history is gone",
        ORDERS,
        e.remove(ORDERS, d.A_MIDDLE_ORDER),
        "quarantined",
        "silver.orders order_date_can_be_told",
        consequences=ITEMS_OF_IT,
        lost=d.from_the_order_on(d.A_MIDDLE_ORDER),
        records=2,
    ),
    Defect(
        "two orders of one number",
        ORDERS,
        e.repeat(ORDERS, d.A_MIDDLE_ORDER, order_id="next"),
        "quarantined",
        "silver.orders order_date_can_be_told",
        consequences=ITEMS_OF_IT,
        lost=d.from_the_order_on(d.A_MIDDLE_ORDER),
        records=4,
    ),
    Defect(
        "an order has the number of the one before",
        ORDERS,
        lambda drop: e.put(
            ORDERS, d.A_MIDDLE_ORDER, order_number=str(int(d.A_MIDDLE_ORDER(drop)["order_number"]) - 1)
        )(drop),
        "quarantined",
        "silver.orders order_date_can_be_told",
        consequences=ITEMS_OF_IT,
        lost=d.orders_where(d.A_MIDDLE_ORDER, lambda number, picked: number >= picked - 1),
        records=4,
    ),
    Defect(
        "an order with landed dates is gone",
        ORDERS,
        e.in_turn(e.add_column(ORDERS, "order_timestamp", stamp), e.remove(ORDERS, d.A_MIDDLE_ORDER)),
        "blocked",
        "silver.orders order_numbers_have_no_gap",
    ),
    Defect(
        "two orders of one number with landed dates",
        ORDERS,
        e.in_turn(
            e.repeat(ORDERS, d.A_MIDDLE_ORDER, order_id="next"),
            e.add_column(ORDERS, "order_timestamp", stamp),
        ),
        "blocked",
        "silver.orders order_number_is_once_per_customer",
    ),
    Defect(
        "an order of the split train is not the last",
        ORDERS,
        e.put(ORDERS, d.A_MIDDLE_ORDER, eval_set="train"),
        "warned",
        "silver.orders only_the_last_order_is_train_or_test",
        changed=d.the_order(d.A_MIDDLE_ORDER),
    ),
    Defect(
        "some dates are landed and some are not",
        ORDERS,
        e.add_column(ORDERS, "order_timestamp", lambda row: stamp(row) if int(row["user_id"]) % 2 else ""),
        "blocked",
        "silver.orders dates_come_from_one_source",
    ),
)

REPEATS = (
    Defect(
        "an order twice",
        ORDERS,
        e.repeat(ORDERS, d.A_MIDDLE_ORDER),
        "dropped",
        duplicates=1,
    ),
    Defect(
        "a line of a basket twice",
        PRIOR,
        e.repeat(PRIOR, d.A_LINE),
        "dropped",
        duplicates=1,
    ),
    Defect(
        "an order twice, at two hours",
        ORDERS,
        e.repeat(ORDERS, d.A_LAST_ORDER, order_hour_of_day="05"),
        "quarantined",
        "silver.orders key_is_unique",
        along=NO_DATE,
        records=2,
        lost=d.the_order(d.A_LAST_ORDER),
    ),
    Defect(
        "a line of a basket twice, at two positions",
        PRIOR,
        e.repeat(PRIOR, d.A_LINE, add_to_cart_order="1"),
        "quarantined",
        "silver.order_items key_is_unique",
        records=2,
        lost=d.row_of("silver.order_items", d.A_LINE),
    ),
    Defect(
        "a product twice, with two names",
        PRODUCTS,
        e.repeat(PRODUCTS, d.a_rare_product, product_name="Another Name"),
        "quarantined",
        "silver.products key_is_unique",
        records=2,
        consequences={"silver.order_items": UNKNOWN_PRODUCT},
        lost=d.the_product(d.a_rare_product),
    ),
    Defect(
        "an order again in a later file, at another hour",
        ORDERS,
        e.replay(ORDERS, d.A_MIDDLE_ORDER, order_hour_of_day="05"),
        "dropped",
        superseded=1,
        changed=d.the_order(d.A_MIDDLE_ORDER),
    ),
    Defect(
        "a product renamed in a later file",
        PRODUCTS,
        e.replay(PRODUCTS, d.a_rare_product, product_name="Another Name"),
        "dropped",
        superseded=1,
        changed=d.the_product(d.a_rare_product),
    ),
    Defect(
        "an order again in a later file, the same",
        ORDERS,
        e.replay(ORDERS, d.A_MIDDLE_ORDER),
        "dropped",
        duplicates=1,
    ),
    Defect(
        "the same file under another name",
        ORDERS,
        e.add_file("orders/again.csv", lambda lines: lines, ORDERS),
        "dropped",
        "bronze.orders same_content_again",
    ),
    Defect(
        "a department twice, with two names",
        DEPARTMENTS,
        e.repeat(DEPARTMENTS, d.a_large_department, department="another name"),
        "blocked",
        "silver.products refused_share_is_within_budget",
        along=rules("department_is_known"),
        consequences={"silver.departments": rules("key_is_unique")},
        lost=d.row_of("silver.departments", d.a_large_department),
    ),
)

REFERENCES = (
    Defect(
        "a line of an order that nobody placed",
        PRIOR,
        e.add_line(
            PRIOR, lambda _: {"order_id": "999999"}, d.a_rare_product, add_to_cart_order="1", reordered="0"
        ),
        "quarantined",
        "silver.order_items order_is_known",
    ),
    Defect(
        "a line of an order of the split test",
        PRIOR,
        e.add_line(PRIOR, d.A_LAST_ORDER, d.a_rare_product, add_to_cart_order="1", reordered="0"),
        "quarantined",
        "silver.order_items basket_is_published",
    ),
    Defect(
        "a line of a product that does not exist",
        PRIOR,
        e.put(PRIOR, d.A_LINE, product_id="999999"),
        "quarantined",
        "silver.order_items product_is_known",
        lost=d.row_of("silver.order_items", d.A_LINE),
    ),
    Defect(
        "a product of an aisle that does not exist",
        PRODUCTS,
        e.put(PRODUCTS, d.a_rare_product, aisle_id="999"),
        "quarantined",
        "silver.products aisle_is_known",
        consequences={"silver.order_items": UNKNOWN_PRODUCT},
        lost=d.the_product(d.a_rare_product),
    ),
    Defect(
        "a product of a department that does not exist",
        PRODUCTS,
        e.put(PRODUCTS, d.a_rare_product, department_id="99"),
        "quarantined",
        "silver.products department_is_known",
        consequences={"silver.order_items": UNKNOWN_PRODUCT},
        lost=d.the_product(d.a_rare_product),
    ),
    Defect(
        "a promoted product that does not exist",
        PROMOTIONS,
        e.put(PROMOTIONS, d.a_promotion, product_id="999999"),
        "quarantined",
        "silver.promotions product_is_known",
        lost=d.row_of("silver.promotions", d.a_promotion),
    ),
)

BASKETS = (
    Defect(
        "product_id is text",
        PRIOR,
        e.put(PRIOR, d.A_LINE, product_id="banana"),
        "quarantined",
        "silver.order_items product_id_is_filled",
        along=rules("product_is_known"),
        lost=d.row_of("silver.order_items", d.A_LINE),
    ),
    Defect(
        "order_id of a line is missing",
        PRIOR,
        e.put(PRIOR, d.A_LINE_BOUGHT_AGAIN, order_id=""),
        "quarantined",
        "silver.order_items order_id_is_filled",
        along=rules("order_is_known"),
        lost=d.row_of("silver.order_items", d.A_LINE_BOUGHT_AGAIN),
    ),
    Defect(
        "the position is missing",
        PRIOR,
        e.put(PRIOR, d.A_LINE, add_to_cart_order=""),
        "quarantined",
        "silver.order_items add_to_cart_order_is_filled",
        along=rules("add_to_cart_order_is_positive"),
        lost=d.row_of("silver.order_items", d.A_LINE),
    ),
    Defect(
        "the position is 0",
        PRIOR,
        e.put(PRIOR, d.A_LINE, add_to_cart_order="0"),
        "quarantined",
        "silver.order_items add_to_cart_order_is_positive",
        lost=d.row_of("silver.order_items", d.A_LINE),
    ),
    Defect(
        "reordered is text",
        PRIOR,
        e.put(PRIOR, d.A_LINE_BOUGHT_AGAIN, reordered="maybe"),
        "quarantined",
        "silver.order_items is_reordered_is_filled",
        lost=d.row_of("silver.order_items", d.A_LINE_BOUGHT_AGAIN),
    ),
    Defect(
        "a line in the middle of a basket is gone",
        PRIOR,
        e.remove(PRIOR, d.A_LINE),
        "blocked",
        "silver.order_items cart_positions_have_no_gap",
    ),
    Defect(
        "two lines of a basket have one position",
        PRIOR,
        lambda drop: e.put(
            PRIOR, d.A_LINE, add_to_cart_order=str(int(d.A_LINE(drop)["add_to_cart_order"]) + 1)
        )(drop),
        "blocked",
        "silver.order_items cart_positions_have_no_gap",
    ),
    Defect(
        "a first line is marked as reordered",
        PRIOR,
        e.put(PRIOR, d.A_LINE, reordered="1"),
        "blocked",
        "silver.order_items reordered_agrees_with_history",
    ),
    Defect(
        "a reordered line is marked as first",
        PRIOR,
        e.put(PRIOR, d.A_REORDERED_LINE, reordered="0"),
        "blocked",
        "silver.order_items reordered_agrees_with_history",
    ),
)

LEDGER = (
    Defect(
        "the type of a promotion is unknown",
        PROMOTIONS,
        e.put(PROMOTIONS, d.a_promotion, promotion_type="giveaway"),
        "quarantined",
        "silver.promotions promotion_type_is_known",
        lost=d.row_of("silver.promotions", d.a_promotion),
    ),
    Defect(
        "a discount of 150 %",
        PROMOTIONS,
        e.put(PROMOTIONS, d.a_promotion, discount_rate="1.5"),
        "quarantined",
        "silver.promotions discount_rate_is_a_share",
        lost=d.row_of("silver.promotions", d.a_promotion),
    ),
    Defect(
        "a discount in words",
        PROMOTIONS,
        e.put(PROMOTIONS, d.a_promotion, discount_rate="half price"),
        "quarantined",
        "silver.promotions discount_rate_is_a_share",
        lost=d.row_of("silver.promotions", d.a_promotion),
    ),
    Defect(
        "a promotion ends before it starts",
        PROMOTIONS,
        e.put(PROMOTIONS, d.a_promotion, start_date="2016-06-01", end_date="2016-05-01"),
        "quarantined",
        "silver.promotions promotion_ends_after_it_starts",
        lost=d.row_of("silver.promotions", d.a_promotion),
    ),
    Defect(
        "a promotion lasts three years",
        PROMOTIONS,
        e.put(PROMOTIONS, d.a_promotion, start_date="2015-06-01", end_date="2018-05-31"),
        "quarantined",
        "silver.promotions promotion_lasts_at_most_a_year",
        lost=d.row_of("silver.promotions", d.a_promotion),
    ),
    Defect(
        "a promotion of another century",
        PROMOTIONS,
        e.put(PROMOTIONS, d.a_promotion, start_date="1916-06-01", end_date="1916-06-10"),
        "quarantined",
        "silver.promotions promotion_is_of_this_age",
        lost=d.row_of("silver.promotions", d.a_promotion),
    ),
    Defect(
        "a day that no calendar has",
        PROMOTIONS,
        e.put(PROMOTIONS, d.a_promotion, start_date="2015-02-29"),
        "quarantined",
        "silver.promotions start_date_is_filled",
        along=rules("promotion_ends_after_it_starts promotion_lasts_at_most_a_year promotion_is_of_this_age"),
        lost=d.row_of("silver.promotions", d.a_promotion),
    ),
    Defect(
        "a date in another order",
        PROMOTIONS,
        e.put(PROMOTIONS, d.a_promotion, end_date="05/06/2016"),
        "quarantined",
        "silver.promotions end_date_is_filled",
        along=rules("promotion_ends_after_it_starts promotion_lasts_at_most_a_year"),
        lost=d.row_of("silver.promotions", d.a_promotion),
    ),
    Defect(
        "nobody says whether a promotion is simulated",
        PROMOTIONS,
        e.put(PROMOTIONS, d.a_promotion, is_simulated=""),
        "quarantined",
        "silver.promotions is_simulated_is_filled",
        lost=d.row_of("silver.promotions", d.a_promotion),
    ),
)

SCHEMAS = (
    Defect(
        "a new column of orders",
        ORDERS,
        e.add_column(ORDERS, "channel", lambda _: "web"),
        "warned",
        "bronze.orders landed_columns_are_the_contracts",
    ),
    Defect(
        "a new column of products",
        PRODUCTS,
        e.add_column(PRODUCTS, "brand", lambda _: "own"),
        "warned",
        "bronze.products landed_columns_are_the_contracts",
    ),
    Defect(
        "a new column of aisles",
        AISLES,
        e.add_column(AISLES, "floor", lambda _: "1"),
        "error",
        "does not know 'floor'",
    ),
    Defect(
        "a column of orders is gone",
        ORDERS,
        e.drop_last_column(ORDERS),
        "error",
        "lacks 'days_since_prior_order'",
    ),
    Defect(
        "a column of baskets has another name",
        PRIOR,
        e.rename_column(PRIOR, "add_to_cart_order", "position"),
        "error",
        "lacks 'add_to_cart_order'",
    ),
    Defect(
        "a column twice",
        ORDERS,
        e.rename_column(ORDERS, "order_dow", "order_number"),
        "error",
        "repeats 'order_number'",
    ),
    Defect(
        "semicolons instead of commas",
        PRODUCTS,
        e.rewrite(PRODUCTS, lambda lines: tuple(line.replace(b",", b";") for line in lines)),
        "error",
        "is it separated by ';'?",
    ),
    Defect(
        "order ids have a prefix from now on",
        ORDERS,
        e.put_all(ORDERS, "order_id", lambda value: f"O-{value}"),
        "blocked",
        "bronze.orders landed_types_are_kept",
    ),
    Defect(
        "days of the week are names from now on",
        ORDERS,
        e.put_all(ORDERS, "order_dow", lambda value: f"day {value}"),
        "blocked",
        "bronze.orders landed_types_are_kept",
    ),
    Defect(
        "product ids are decimal numbers from now on",
        PRIOR,
        e.put_all(PRIOR, "product_id", lambda value: f"{value}.0"),
        "blocked",
        "bronze.order_products__prior landed_types_are_kept",
    ),
    Defect(
        "dates of promotions are written otherwise from now on",
        PROMOTIONS,
        e.put_all(PROMOTIONS, "start_date", lambda value: value.replace("-", ".")),
        "blocked",
        "silver.promotions refused_share_is_within_budget",
        along=rules(
            "start_date_is_filled promotion_ends_after_it_starts promotion_lasts_at_most_a_year "
            "promotion_is_of_this_age"
        ),
        consequences={"bronze.promotions": rules("landed_types_are_kept")},
    ),
    Defect(
        "a header and nothing else",
        ORDERS,
        e.rewrite(ORDERS, lambda lines: lines[:1]),
        "error",
        "holds a header and no records",
    ),
    Defect(
        "an empty file",
        PRODUCTS,
        e.rewrite(PRODUCTS, lambda _: ()),
        "error",
        "is empty",
    ),
    Defect(
        "no file any more",
        PRIOR,
        e.remove_file(PRIOR),
        "harmless",
        "bronze.order_products__prior no_longer_landed",
    ),
    Defect(
        "lines end in a carriage return alone",
        AISLES,
        e.rewrite(AISLES, lambda lines: (b"\r".join(lines)[:-1],)),
        "error",
        "has a carriage return before its end",
    ),
)

AMOUNTS = (
    Defect(
        "a twentieth of the orders at hour 24",
        ORDERS,
        e.put_all(ORDERS, "order_hour_of_day", lambda _: "24", share=0.05),
        "blocked",
        "silver.orders refused_share_is_within_budget",
        along=rules("order_hour_is_in_day"),
    ),
    Defect(
        "a twentieth of the lines of orders is too short",
        ORDERS,
        e.rewrite(
            ORDERS,
            lambda lines: tuple(
                line.rpartition(b",")[0] if place and place % 20 == 0 else line
                for place, line in enumerate(lines)
            ),
        ),
        "blocked",
        "bronze.orders refused_share_is_within_budget",
        along=rules("lines_are_well_formed"),
    ),
    Defect(
        "names with accents saved in another encoding",
        PRODUCTS,
        e.in_turn(
            e.put_all(PRODUCTS, "product_name", lambda name: f"Purée of {name}", share=0.1),
            e.rewrite(PRODUCTS, lambda lines: tuple(line.decode().encode("cp1252") for line in lines)),
        ),
        "blocked",
        "bronze.products refused_share_is_within_budget",
        along=rules("lines_are_well_formed"),
    ),
    Defect(
        "orders are cut off in the middle",
        ORDERS,
        e.rewrite(ORDERS, lambda lines: (*lines[: len(lines) // 2], lines[len(lines) // 2][:9])),
        "blocked",
        "silver.order_items refused_share_is_within_budget",
        consequences={
            "bronze.orders": rules("lines_are_well_formed"),
            "silver.order_items": UNKNOWN_ORDER,
        },
        lost=d.second_half_of_orders,
    ),
    Defect(
        "half of the customers are gone on the fourth run",
        ORDERS,
        e.keep_customers(0.4),
        "warned",
        "silver.orders row_count_is_like_before",
        consequences={"silver.order_items": rules("row_count_is_like_before")},
        lost=d.customers_after(0.4),
        clean_runs=3,
    ),
    Defect(
        "the ledger of promotions is withdrawn on the fourth run",
        PROMOTIONS,
        e.withdraw_file(PROMOTIONS),
        "warned",
        "silver.promotions row_count_is_like_before",
        lost=d.all_rows("silver.promotions", PROMOTIONS),
        clean_runs=3,
    ),
    Defect(
        "the ledger of promotions is withdrawn",
        PROMOTIONS,
        e.withdraw_file(PROMOTIONS),
        "dropped",
        "bronze.promotions absent",
        lost=d.all_rows("silver.promotions", PROMOTIONS),
    ),
)

HARMLESS = (
    Defect(
        "lines end as on Windows",
        ORDERS,
        e.rewrite(ORDERS, lambda lines: tuple(line + b"\r" for line in lines)),
        "harmless",
    ),
    Defect(
        "a byte order mark",
        PRODUCTS,
        e.rewrite(PRODUCTS, lambda lines: (b"\xef\xbb\xbf" + lines[0], *lines[1:])),
        "harmless",
    ),
    Defect(
        "blank lines",
        PRIOR,
        e.rewrite(PRIOR, lambda lines: (lines[0], b"", *lines[1:5], b"", *lines[5:], b"", b"")),
        "harmless",
    ),
    Defect(
        "columns in another order",
        AISLES,
        e.rewrite(AISLES, lambda lines: tuple(b",".join(line.split(b",", 1)[::-1]) for line in lines)),
        "harmless",
    ),
    Defect(
        "records in another order",
        ORDERS,
        e.rewrite(ORDERS, lambda lines: (lines[0], *reversed(lines[1:]))),
        "harmless",
    ),
    Defect(
        "every value in quotation marks",
        PRIOR,
        e.rewrite(
            PRIOR,
            lambda lines: tuple(b",".join(b'"%b"' % cell for cell in line.split(b",")) for line in lines),
        ),
        "harmless",
    ),
    Defect(
        "orders in two files",
        ORDERS,
        e.in_turn(
            e.add_file("orders/second.csv", lambda lines: (lines[0], *lines[900:]), ORDERS),
            e.rewrite(ORDERS, lambda lines: lines[:900]),
        ),
        "harmless",
    ),
)

DEFECTS: tuple[Defect, ...] = (
    *MALFORMED,
    *ORDER_CELLS,
    *HISTORIES,
    *REPEATS,
    *REFERENCES,
    *BASKETS,
    *LEDGER,
    *SCHEMAS,
    *AMOUNTS,
    *HARMLESS,
)
