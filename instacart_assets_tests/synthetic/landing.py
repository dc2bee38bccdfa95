"""Reads landing files the way a careful stranger would: with the standard library, types given, nothing inferred."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from instacart_assets.order_calendar import OrderCalendar, capped_gap_days

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Landing:
    """The landing files of one run, orders and lines as columns of integers (a missing gap is -1)."""

    orders: dict[str, Ints]
    eval_set: npt.NDArray[np.str_]
    prior: dict[str, Ints]
    train: dict[str, Ints]
    products: list[dict[str, str]]
    aisles: list[dict[str, str]]
    departments: list[dict[str, str]]
    promotions: list[dict[str, str]]
    truth: list[dict[str, str]]

    @property
    def lines(self) -> dict[str, Ints]:
        """Prior and train lines together."""
        return {name: np.concatenate([self.prior[name], self.train[name]]) for name in self.prior}

    def of_order(self, column: str, order_ids: Ints) -> Ints:
        """A column of the orders, looked up by order id."""
        by_id = np.argsort(self.orders["order_id"])
        return self.orders[column][by_id][np.searchsorted(self.orders["order_id"][by_id], order_ids)]

    @property
    def line_departments(self) -> Ints:
        """Department of every line."""
        department = np.array([int(row["department_id"]) for row in self.products])
        return department[self.lines["product_id"] - 1]

    @property
    def line_aisles(self) -> Ints:
        """Aisle of every line."""
        aisle = np.array([int(row["aisle_id"]) for row in self.products])
        return aisle[self.lines["product_id"] - 1]

    def order_dates(self, calendar: OrderCalendar) -> dict[int, date]:
        """Date of every order id, cumulated order by order."""
        dates: dict[int, date] = {}
        columns = ("order_id", "user_id", "order_number", "order_dow", "days_since_prior_order")
        day = before = 0
        for order_id, user, number, dow, gap in zip(
            *(self.orders[name].tolist() for name in columns), strict=True
        ):
            if number == 1:
                day = calendar.first_order_day(user, dow)
            else:
                day += gap if gap < 30 else capped_gap_days(dow, before)
            before = dow
            dates[order_id] = calendar.window_start + timedelta(days=day)
        return dates

    def units_in_promotions(self, calendar: OrderCalendar) -> list[int]:
        """Units of each promoted product in its promotion, in the order of the truth file."""
        dates = self.order_dates(calendar)
        sold: dict[int, list[date]] = defaultdict(list)
        promoted = {int(row["product_id"]) for row in self.truth}
        for order_id, product in zip(
            self.lines["order_id"].tolist(), self.lines["product_id"].tolist(), strict=True
        ):
            if product in promoted:
                sold[product].append(dates[order_id])
        return [
            sum(
                row["start_date"] <= day.isoformat() <= row["end_date"]
                for day in sold[int(row["product_id"])]
            )
            for row in self.truth
        ]


def read_landing(landing: Path, truth: Path) -> Landing:
    """Read all files of a run."""
    orders = _read_rows(landing / "orders.csv")
    names = ["order_id", "user_id", "order_number", "order_dow", "order_hour_of_day"]
    columns = {name: np.array([int(row[name]) for row in orders]) for name in names}
    gaps = [row["days_since_prior_order"] for row in orders]
    columns["days_since_prior_order"] = np.array([int(gap.removesuffix(".0")) if gap else -1 for gap in gaps])
    return Landing(
        orders=columns,
        eval_set=np.array([row["eval_set"] for row in orders]),
        prior=_read_numbers(landing / "order_products__prior.csv"),
        train=_read_numbers(landing / "order_products__train.csv"),
        products=_read_rows(landing / "products.csv"),
        aisles=_read_rows(landing / "aisles.csv"),
        departments=_read_rows(landing / "departments.csv"),
        promotions=_read_rows(landing / "promotions.csv"),
        truth=_read_rows(truth),
    )


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def _read_numbers(path: Path) -> dict[str, Ints]:
    with path.open(encoding="utf-8") as file:
        names = file.readline().strip().split(",")
        values = np.fromstring(file.read().replace("\n", ","), dtype=np.int64, sep=",")
    return dict(zip(names, values.reshape(-1, len(names)).T, strict=True))
