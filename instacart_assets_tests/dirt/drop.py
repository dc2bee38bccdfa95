"""A drop of landed files in memory: what clean files hold, whom a defect may hit, and what readers lose by it.

Contains the knowledge of the generated files that defects need to be stated in a line each: which order is in the
middle of a history, which lines are in its basket, which product is rare. Nothing is changed here.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import groupby
from pathlib import Path

from instacart_assets.landing.withdrawn import LIST
from instacart_assets.order_calendar import OrderCalendar

Row = Mapping[str, str]
Key = tuple[int, ...]
Keys = Mapping[str, frozenset[Key]]
"""Keys of silver rows, by table."""

ORDERS, PRIOR, TRAIN = "orders", "order_products__prior", "order_products__train"
PRODUCTS, AISLES, DEPARTMENTS, PROMOTIONS = "products", "aisles", "departments", "promotions"
SOURCES = (ORDERS, PRIOR, TRAIN, PRODUCTS, AISLES, DEPARTMENTS, PROMOTIONS)
KEYS = {
    "silver.orders": ("order_id",),
    "silver.order_items": ("order_id", "product_id"),
    "silver.products": ("product_id",),
    "silver.aisles": ("aisle_id",),
    "silver.departments": ("department_id",),
    "silver.promotions": ("promotion_id", "product_id"),
}


@dataclass(frozen=True)
class Drop:
    """Landed files.

    Attributes:
        files: lines of each file without their ends, by its name below the landing folder.
        withdrawn: lines of the list of files that were taken out with their rows.
    """

    files: Mapping[str, tuple[bytes, ...]]
    withdrawn: tuple[bytes, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> "Drop":
        """The files ``<source>.csv`` of a folder."""
        names = [f"{source}.csv" for source in SOURCES]
        return cls({name: tuple((folder / name).read_bytes().splitlines()) for name in names})

    def write(self, folder: Path) -> None:
        """Land all files in a folder."""
        lists = {LIST: self.withdrawn} if self.withdrawn else {}
        for name, lines in {**self.files, **lists}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(line + b"\n" for line in lines))

    def rows(self, source: str) -> tuple[Row, ...]:
        """Records of a source's file, in order."""
        return tuple(csv.DictReader(line.decode() for line in self.files[f"{source}.csv"]))

    @cached_property
    def orders(self) -> tuple[Row, ...]:
        return self.rows(ORDERS)

    @cached_property
    def histories(self) -> dict[str, list[Row]]:
        """Orders of each customer, in order."""
        return {user: list(rows) for user, rows in groupby(self.orders, lambda row: row["user_id"])}

    @cached_property
    def baskets(self) -> dict[str, list[Row]]:
        """Lines of each order."""
        found: dict[str, list[Row]] = {}
        for source in (PRIOR, TRAIN):
            for row in self.rows(source):
                found.setdefault(row["order_id"], []).append(row)
        return found

    @cached_property
    def sold(self) -> Counter[str]:
        """Lines of each product."""
        return Counter(row["product_id"] for lines in self.baskets.values() for row in lines)


Pick = Callable[[Drop], Row]
"""Chooses one record of a clean drop."""

Reach = Callable[[Drop], Keys]
"""Silver rows that a defect reaches."""


def find_order(*conditions: Callable[[Row, list[Row]], bool]) -> Pick:
    """The first order of the smallest history that meets all conditions on the order and its history."""

    def pick(drop: Drop) -> Row:
        by_size = sorted(drop.histories.values(), key=lambda history: _count_lines(drop, history))
        return next(
            order
            for history in by_size
            for order in history
            if all(condition(order, history) for condition in conditions)
        )

    return pick


def _count_lines(drop: Drop, history: list[Row]) -> int:
    return sum(len(drop.baskets.get(order["order_id"], ())) for order in history)


def is_middle(order: Row, history: list[Row]) -> bool:
    """Whether two orders come before it and at least two after, none of the three around it after a capped gap."""
    number = int(order["order_number"])
    return (
        3 <= number <= len(history) - 2
        and order["days_since_prior_order"] not in {"0.0", "30.0"}
        and history[number]["days_since_prior_order"] not in {"0.0", "30.0"}
    )


def has(**cells: str) -> Callable[[Row, list[Row]], bool]:
    """Whether an order has these values."""
    return lambda order, _: all(order[name] == value for name, value in cells.items())


def follows_capped_gap(order: Row, history: list[Row]) -> bool:
    """Whether the next order came 30 days later or more, and its date is 35 days later."""
    number = int(order["order_number"])
    if not 2 <= number < len(history) - 1:
        return False
    after = history[number]
    days = (int(after["order_dow"]) - int(order["order_dow"]) - 30) % 7 + 30
    return after["days_since_prior_order"] == "30.0" and days == 35


A_MIDDLE_ORDER = find_order(is_middle, has(eval_set="prior"))
AN_ORDER_AFTER_A_WEEK = find_order(is_middle, has(eval_set="prior", days_since_prior_order="7.0"))
AN_ORDER_AFTER_SIX_DAYS = find_order(is_middle, has(eval_set="prior", days_since_prior_order="6.0"))
AN_ORDER_AFTER_THREE_DAYS = find_order(is_middle, has(eval_set="prior", days_since_prior_order="3.0"))
AN_ORDER_ON_DAY_ZERO = find_order(is_middle, has(eval_set="prior", order_dow="0"))
AN_ORDER_BEFORE_35_DAYS = find_order(follows_capped_gap, has(eval_set="prior"))
A_FIRST_ORDER = find_order(has(order_number="1"))
A_LAST_ORDER = find_order(has(eval_set="test"))
"""A customer's last order, of the split whose baskets were never published: nothing follows from it."""
A_TRAIN_ORDER = find_order(has(eval_set="train"))


def find_line(*, is_bought_again: bool, is_first: bool = True, is_last_in_cart: bool = False) -> Pick:
    """A line in a basket of several: the customer's first of its product or the last one, and bought again or not."""

    def pick(drop: Drop) -> Row:
        return next(
            line
            for history in drop.histories.values()
            for lines in _group_by_product(drop, history)
            for line in (lines[:1] if is_first else lines[-1:])
            if (len(lines) > 1) == is_bought_again
            and len(basket := drop.baskets[line["order_id"]]) > 2
            and (line is basket[-1]) == is_last_in_cart
            and line["order_id"] != history[-1]["order_id"]
        )

    return pick


def _group_by_product(drop: Drop, history: list[Row]) -> Iterable[list[Row]]:
    bought: dict[str, list[Row]] = {}
    for order in history:
        for line in drop.baskets.get(order["order_id"], ()):
            bought.setdefault(line["product_id"], []).append(line)
    return bought.values()


A_LINE = find_line(is_bought_again=False)
"""A line of a product that the customer bought once, in the middle of a basket."""
A_LAST_LINE = find_line(is_bought_again=False, is_last_in_cart=True)
A_LINE_BOUGHT_AGAIN = find_line(is_bought_again=True)
A_REORDERED_LINE = find_line(is_bought_again=True, is_first=False)


def a_rare_product(drop: Drop) -> Row:
    """The product with the fewest lines, but some, among those without a promotion."""
    promoted = {row["product_id"] for row in drop.rows(PROMOTIONS)}
    free = [
        row
        for row in drop.rows(PRODUCTS)
        if drop.sold[row["product_id"]] and row["product_id"] not in promoted
    ]
    return min(free, key=lambda row: drop.sold[row["product_id"]])


def a_promotion(drop: Drop) -> Row:
    """A line of the ledger, of a promotion of one product."""
    return drop.rows(PROMOTIONS)[0]


def a_rare_aisle(drop: Drop) -> Row:
    """The aisle of the rare product, where it stands alone; else any that no product stands in."""
    used = Counter(row["aisle_id"] for row in drop.rows(PRODUCTS))
    return min(
        (row for row in drop.rows(AISLES) if row["aisle"] != "missing"),
        key=lambda row: (used[row["aisle_id"]], int(row["aisle_id"])),
    )


def a_large_department(drop: Drop) -> Row:
    """The department with the most products."""
    used = Counter(row["department_id"] for row in drop.rows(PRODUCTS))
    return max(drop.rows(DEPARTMENTS), key=lambda row: used[row["department_id"]])


def key_of(table: str, row: Row) -> Key:
    return tuple(int(row[name]) for name in KEYS[table])


def nothing(_: Drop) -> Keys:
    """No row of silver."""
    return {}


def row_of(table: str, pick: Pick) -> Reach:
    """The picked record's own row."""
    return lambda drop: {table: frozenset({key_of(table, pick(drop))})}


def orders_where(pick: Pick, chosen: Callable[[int, int], bool]) -> Reach:
    """Orders of the picked order's customer, chosen by their number and the picked one's, with their baskets."""

    def reach(drop: Drop) -> Keys:
        picked = pick(drop)
        history = drop.histories[picked["user_id"]]
        number = int(picked["order_number"])
        return _with_baskets(drop, (row for row in history if chosen(int(row["order_number"]), number)))

    return reach


def _with_baskets(drop: Drop, orders: Iterable[Row]) -> Keys:
    orders = list(orders)
    lines = [line for order in orders for line in drop.baskets.get(order["order_id"], ())]
    return {
        "silver.orders": frozenset(key_of("silver.orders", order) for order in orders),
        "silver.order_items": frozenset(key_of("silver.order_items", line) for line in lines),
    }


def the_order(pick: Pick) -> Reach:
    """An order and its basket."""
    return orders_where(pick, lambda number, picked: number == picked)


def from_the_order_on(pick: Pick) -> Reach:
    """An order and all later ones of the customer, with their baskets."""
    return orders_where(pick, lambda number, picked: number >= picked)


def after_the_order(pick: Pick) -> Reach:
    """All later orders of the customer, with their baskets."""
    return orders_where(pick, lambda number, picked: number > picked)


def the_basket(pick: Pick) -> Reach:
    """The basket of an order alone."""
    return lambda drop: {"silver.order_items": the_order(pick)(drop)["silver.order_items"]}


def the_product(pick: Pick) -> Reach:
    """A product with all its lines and promotions."""

    def reach(drop: Drop) -> Keys:
        product = pick(drop)["product_id"]
        return {
            "silver.products": frozenset({(int(product),)}),
            **{
                table: frozenset(key_of(table, row) for row in rows if row["product_id"] == product)
                for table, rows in (
                    ("silver.order_items", [line for lines in drop.baskets.values() for line in lines]),
                    ("silver.promotions", drop.rows(PROMOTIONS)),
                )
            },
        }

    return reach


def all_rows(table: str, source: str) -> Reach:
    """Every row of a table that has a row for each record of a source."""
    return lambda drop: {table: frozenset(key_of(table, row) for row in drop.rows(source))}


def second_half_of_orders(drop: Drop) -> Keys:
    """Orders in the second half of their file, without their baskets."""
    return {
        "silver.orders": frozenset(
            key_of("silver.orders", row) for row in drop.orders[len(drop.orders) // 2 :]
        )
    }


def customers_after(share: float) -> Reach:
    """Orders and baskets of all but the first customers."""

    def reach(drop: Drop) -> Keys:
        histories = list(drop.histories.values())
        return _with_baskets(
            drop, (order for history in histories[int(len(histories) * share) :] for order in history)
        )

    return reach


def stamp(order: Row) -> str:
    """A moment on the order's day of the week, a week after the order before, as a landed timestamp."""
    calendar = OrderCalendar()
    weeks = timedelta(weeks=int(order["order_number"]))
    since = (int(order["order_dow"]) - calendar.dow_of(calendar.window_start)) % 7
    day = calendar.window_start + weeks + timedelta(days=since)
    return f"{day.isoformat()}T{order['order_hour_of_day']}:00:00"
