"""A shop that goes on selling after its first files have landed.

Defines what can happen to a landing folder from one run to the next: new orders, corrections, products that come
and go, damage, files that vanish. Each happening changes the folder as a shop or an accident would, and is chosen by
a seed. Nothing is read of a lake here.
"""

import csv
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random

from instacart_assets.synthetic.generate import generate

Row = dict[str, str]

AISLES, ORDERS, PRIOR, TRAIN, PRODUCTS, PROMOTIONS = (
    "aisles",
    "orders",
    "order_products__prior",
    "order_products__train",
    "products",
    "promotions",
)
WITHHELD = 3
"""Of the orders of every other customer so many are still to come when the first files land."""


class Shop:
    """A landing folder and what is still to land there.

    Args:
        landing: the folder; the first files are landed in it.
        users: customers.
        seed: the same seed gives the same files and happenings.
    """

    def __init__(self, landing: Path, users: int, seed: int) -> None:
        self.landing = landing
        self._random = Random(seed)  # noqa: S311 - what happens is to be told again, not to be kept secret
        self._drops = 0
        self._missing: list[tuple[str, list[Row]]] = []
        generate(users, seed, landing)
        orders = _read(landing / f"{ORDERS}.csv")
        lines = {source: _read(landing / f"{source}.csv") for source in (PRIOR, TRAIN)}
        last = {row["user_id"]: int(row["order_number"]) for row in orders}
        withheld = [
            row
            for row in orders
            if int(row["user_id"]) % 2 and int(row["order_number"]) > last[row["user_id"]] - WITHHELD
        ]
        self._coming = sorted(withheld, key=lambda row: (int(row["order_number"]), int(row["user_id"])))
        gone = {row["order_id"] for row in withheld}
        self._baskets: dict[str, tuple[str, list[Row]]] = {}
        for source, rows in lines.items():
            for row in rows:
                self._baskets.setdefault(row["order_id"], (source, []))[1].append(row)
            _write(landing / f"{source}.csv", [row for row in rows if row["order_id"] not in gone])
        _write(landing / f"{ORDERS}.csv", [row for row in orders if row["order_id"] not in gone])

    def sell(self) -> str:
        """The next orders of some customers, with their baskets, in new files."""
        count = self._random.randint(2, 6)
        sold, self._coming = self._coming[:count], self._coming[count:]
        self._land(ORDERS, sold)
        for source in (PRIOR, TRAIN):
            baskets = [self._baskets[row["order_id"]] for row in sold if row["order_id"] in self._baskets]
            self._land(source, [row for origin, rows in baskets if origin == source for row in rows])
        return f"{len(sold)} orders"

    def sell_in_part(self) -> str:
        """An order whose first line comes with a later drop: until then its table is not published."""
        row = self._coming.pop(0)
        self._land(ORDERS, [row])
        source, lines = self._baskets.get(row["order_id"], (PRIOR, []))
        self._land(source, lines[1:])
        self._missing.append((source, lines[:1]))
        return f"order {row['order_id']} without its first line"

    def complete_baskets(self) -> str:
        """The lines come that were missing."""
        for source, lines in self._missing:
            self._land(source, lines)
        count, self._missing = len(self._missing), []
        return f"missing lines of {count} orders"

    def correct_order(self) -> str:
        """An order that landed once comes again, at another hour, in a later file."""
        row = self._pick(ORDERS)
        hour = f"{(int(row['order_hour_of_day']) + 5) % 24:02d}"
        self._land(ORDERS, [{**row, "order_hour_of_day": hour}])
        return f"order {row['order_id']} again, at {hour}"

    def spoil_order(self) -> str:
        """An order that landed once comes again, on a weekday that cannot be; it and what follows are refused."""
        row = self._pick(ORDERS)
        self._land(ORDERS, [{**row, "order_dow": "9"}])
        return f"order {row['order_id']} again, on day 9"

    def repeat_rows(self) -> str:
        """Rows that landed once come again in a later file, unchanged but for their order."""
        rows = self._some(PRIOR, 5)
        self._land(PRIOR, rows[::-1])
        return f"{len(rows)} lines again"

    def replace_file(self) -> str:
        """A file that landed comes again under its name, with one order at another hour."""
        path = self._random.choice(self._files(ORDERS))
        rows = _read(path)
        row = self._random.choice(rows)
        row["order_hour_of_day"] = f"{(int(row['order_hour_of_day']) + 7) % 24:02d}"
        _write(path, rows)
        return f"{path.name} with order {row['order_id']} at another hour"

    def lose_file(self) -> str:
        """A file that was taken in is gone from the folder; its rows stay."""
        files = [
            path for source in (ORDERS, PRIOR) for path in self._files(source) if path.parent != self.landing
        ]
        if not files:
            return self.sell()
        path = self._random.choice(files)
        path.unlink()
        return f"{path.name} is gone"

    def damage_file(self) -> str:
        """A file of lines whose last is torn: no record can be read from it."""
        rows = self._some(PRIOR, 3)
        path = self._land(PRIOR, rows)
        path.write_text(path.read_text() + f"{rows[0]['order_id']},7\n")
        return f"{path.name} with a torn line"

    def rename_product(self) -> str:
        """A product that is sold has another name."""
        return self._change_product({"product_name": f"renamed {self._random.randint(1, 10**6)}"})

    def move_product(self) -> str:
        """A product that is sold stands in another aisle."""
        other = self._pick(PRODUCTS)
        return self._change_product({"aisle_id": other["aisle_id"], "department_id": other["department_id"]})

    def add_product(self) -> str:
        """A product that nobody has bought yet."""
        rows = _read(self.landing / f"{PRODUCTS}.csv")
        number = str(max(int(row["product_id"]) for row in rows) + 1)
        _write(
            self.landing / f"{PRODUCTS}.csv",
            [*rows, {**rows[0], "product_id": number, "product_name": "new"}],
        )
        return f"product {number} is new"

    def drop_product(self) -> str:
        """A product that hardly anybody bought is no longer in the catalogue; its lines are refused."""
        rows = _read(self.landing / f"{PRODUCTS}.csv")
        bought: dict[str, int] = {}
        for line in (line for _, lines in self._baskets.values() for line in lines):
            bought[line["product_id"]] = bought.get(line["product_id"], 0) + 1
        rare = self._random.choice(
            [row["product_id"] for row in rows if bought.get(row["product_id"], 0) == 1]
        )
        _write(self.landing / f"{PRODUCTS}.csv", [row for row in rows if row["product_id"] != rare])
        return f"product {rare} is gone"

    def prolong_promotion(self) -> str:
        """A promotion ends on another day."""
        rows = _read(self.landing / f"{PROMOTIONS}.csv")
        row, other = self._random.sample(rows, 2)
        row["start_date"], row["end_date"] = other["start_date"], other["end_date"]
        _write(self.landing / f"{PROMOTIONS}.csv", rows)
        return f"promotion {row['promotion_id']} at another time"

    def rename_aisle(self) -> str:
        """An aisle has another name, and every product in it stands there."""
        rows = _read(self.landing / f"{AISLES}.csv")
        row = self._random.choice(rows)
        row["aisle"] = f"renamed {self._random.randint(1, 10**6)}"
        _write(self.landing / f"{AISLES}.csv", rows)
        return f"aisle {row['aisle_id']}: {row['aisle']}"

    def copy_file(self) -> str:
        """A file that landed comes again under another name."""
        path = self._random.choice(self._files(ORDERS))
        copy = self._land(ORDERS, [])
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
        return f"{path.name} again, as {copy.name}"

    def rest(self) -> str:
        """Nothing."""
        return "nothing"

    def happen(self, names: Iterable[str]) -> str:
        """Let happenings happen, by their names."""
        return "; ".join(HAPPENINGS[name](self) for name in names)

    def choose(self) -> list[str]:
        """Some happenings by chance; what was missing comes with the next drop."""
        missing = [Shop.complete_baskets.__name__] if self._missing else []
        return [*missing, *self._random.choices(list(HAPPENINGS), k=self._random.randint(1, 3))]

    def _change_product(self, cells: Mapping[str, str]) -> str:
        rows = _read(self.landing / f"{PRODUCTS}.csv")
        sold = {line["product_id"] for _, lines in self._baskets.values() for line in lines}
        row = self._random.choice([row for row in rows if row["product_id"] in sold])
        row.update(cells)
        _write(self.landing / f"{PRODUCTS}.csv", rows)
        return (
            f"product {row['product_id']} with {', '.join(f'{name} {cell}' for name, cell in cells.items())}"
        )

    def _files(self, source: str) -> list[Path]:
        return [self.landing / f"{source}.csv", *sorted((self.landing / source).glob("*.csv"))]

    def _some(self, source: str, count: int) -> list[Row]:
        rows = _read(self.landing / f"{source}.csv")
        return self._random.sample(rows, count)

    def _pick(self, source: str) -> Row:
        return self._some(source, 1)[0]

    def _land(self, source: str, rows: list[Row]) -> Path:
        path = self.landing / source / f"drop-{self._drops:03d}.csv"
        self._drops += 1
        if rows:
            _write(path, rows)
        return path


HAPPENINGS: Mapping[str, Callable[[Shop], str]] = {
    happening.__name__: happening
    for happening in (
        Shop.sell,
        Shop.sell_in_part,
        Shop.complete_baskets,
        Shop.correct_order,
        Shop.spoil_order,
        Shop.repeat_rows,
        Shop.replace_file,
        Shop.lose_file,
        Shop.damage_file,
        Shop.rename_product,
        Shop.move_product,
        Shop.add_product,
        Shop.drop_product,
        Shop.prolong_promotion,
        Shop.rename_aisle,
        Shop.copy_file,
        Shop.rest,
    )
}
"""What can happen, by name."""


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
