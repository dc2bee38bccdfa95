"""Generates the landing files: any number of users, the same bytes for the same users and seed.

Users are simulated in chunks of a fixed size, each from its own random streams, and ``orders.csv`` is written as
they come. Order ids are a random permutation, as in the public files, and the lines are written in order of order
id: to allow this, they are kept packed, at 3 bytes a line (0.1 GB for the 206,209 users of the public files).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from instacart_assets.errors import RemediableError
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.synthetic import files
from instacart_assets.synthetic.arrays import Flags, Purpose, open_stream
from instacart_assets.synthetic.calibration import load_calibration
from instacart_assets.synthetic.catalogue import Catalogue, build_catalogue, products_for
from instacart_assets.synthetic.facts import load_facts
from instacart_assets.synthetic.line_store import LineStore
from instacart_assets.synthetic.promotions import (
    PromotedProduct,
    UpliftTally,
    apply_uplift,
    date_of,
    draw_ledger,
)
from instacart_assets.synthetic.shopping import (
    Baskets,
    Shop,
    draw_basket_sizes,
    fill_baskets,
    mark_reordered,
    sort_into_cart,
)
from instacart_assets.synthetic.urges import RETAINED_ORDERS, Driver, Urges, draw_drivers
from instacart_assets.synthetic.visits import PRIOR, TRAIN, Visits, draw_order_counts, draw_visits
from instacart_assets.synthetic.worlds import USUAL, WORLDS, World

CHUNK_USERS = 4_096
"""Users simulated at a time. The result depends on it: a different size gives different files."""

_BLOCK_ORDERS = 100_000  # orders whose lines are collected and written at a time


class GenerationError(RemediableError, ValueError):
    """The files cannot be generated; the message names the argument and its valid values."""


OnProgress = Callable[[int, int], None]
"""Called with the number of steps done, and of all steps."""

_Paths = Mapping[str, Path]

_PROMOTION_COLUMNS = (
    "promotion_id",
    "product_id",
    "promotion_name",
    "promotion_type",
    "discount_rate",
    "start_date",
    "end_date",
    "is_simulated",
)

TRUTH_COLUMNS = (
    "promotion_id",
    "product_id",
    "start_date",
    "end_date",
    "true_lift",
    "base_units",
    "extra_units",
    "aisle_lost_units",
)
"""True effects of the promotions: the lift injected, the units that would have sold without them, the extra units, and
what the aisle's unpromoted products lost."""

DRIVER_COLUMNS = ("product_id", "true_retention_lift")
"""The products that truly bring people back: all others have a lift of 1."""


@dataclass(frozen=True)
class GeneratedFiles:
    """What was generated.

    Attributes:
        landing: folder of the landing files.
        truth: the file with the true effects of the promotions.
        drivers: the file with the products that bring people back.
        world: name of the world.
        rows: number of rows by file name, headers not counted.
        users: number of users.
        products: number of products.
        seed: the seed.
    """

    landing: Path
    truth: Path
    drivers: Path
    world: str
    rows: dict[str, int]
    users: int
    products: int
    seed: int

    @property
    def paths(self) -> dict[str, Path]:
        """The landing files by name."""
        return {name: self.landing / name for name in files.LANDING_FILES}


def default_truth_path(out: Path) -> Path:
    """The default path of the true effects: beside the landing folder, never in it."""
    return out.absolute().with_name(f"{out.absolute().name}_truth") / "promotion_truth.csv"


def generate(
    users: int,
    seed: int,
    out: Path,
    *,
    calendar: OrderCalendar | None = None,
    truth: Path | None = None,
    products: int | None = None,
    world: str = USUAL,
    on_progress: OnProgress | None = None,
) -> GeneratedFiles:
    """Generate the landing files of synthetic users.

    Files with the generator's names in ``out`` are replaced, all together at the end; others stay.

    Args:
        users: how many users; the public files have 206,209.
        seed: zero or more; the same seed gives the same bytes.
        out: landing folder, created if it is missing.
        calendar: dates of orders; decides when promotions run.
        truth: CSV file for the true effects of the promotions; see :func:`default_truth_path`. The products that
            bring people back are listed in ``driver_truth.csv`` beside it.
        products: size of the catalogue, 134 to 65,536; by default it grows with the users up to 49,688.
        world: name of the world, one of :data:`WORLDS`.
        on_progress: called after every step with the steps done and the steps in all.

    Raises:
        GenerationError: an argument is out of range, the truth would be in the landing folder, or ``out`` is a file.
    """
    calendar = calendar or OrderCalendar()
    truth = truth or default_truth_path(out)
    _check_arguments(users, seed, out, truth, world)
    facts = load_facts()
    catalogue = build_catalogue(products_for(users, facts) if products is None else products, seed, facts)
    ledger = draw_ledger(catalogue, users, calendar, seed, WORLDS[world])
    drivers = truth.with_name("driver_truth.csv")
    for folder in (out, truth.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with files.staged([*(out / name for name in files.LANDING_FILES), truth, drivers]) as staged:
        paths = {name: staged[out / name] for name in files.LANDING_FILES}
        shoppers = Shoppers(users, seed, catalogue, ledger, calendar=calendar, world=WORLDS[world])
        steps = _Steps(shoppers.parts + shoppers.blocks, on_progress)
        store = LineStore()
        rows = _write_orders(shoppers, store, paths, steps) | _write_lines(shoppers, store, paths, steps)
        rows |= _write_dimensions(catalogue, paths) | _write_promotions(ledger, calendar, paths)
        _write_truth(ledger, shoppers.tally, calendar, staged[truth])
        _write_drivers(shoppers.drivers, staged[drivers])
    return GeneratedFiles(out, truth, drivers, world, rows, users, catalogue.size, seed)


def _check_arguments(users: int, seed: int, out: Path, truth: Path, world: str) -> None:
    if world not in WORLDS:
        raise GenerationError(f"There is no world {world!r}; choose one of {', '.join(WORLDS)}.")
    if users < 1:
        raise GenerationError(f"At least one user is needed; got users={users}.")
    if seed < 0:
        raise GenerationError(f"A seed is zero or more; got seed={seed}.")
    if out.exists() and not out.is_dir():
        raise GenerationError(f"{out} is a file: name a folder for the landing files.")
    if truth.resolve().is_relative_to(out.resolve()):
        raise GenerationError(
            f"The truth file {truth} would lie in the landing folder {out}: name a path outside of it."
        )


class Shoppers:
    """All users of a run, simulated chunk by chunk.

    Attributes:
        order_ids: id of every order, in order of user and order number.
        parts: number of chunks of users.
        blocks: number of blocks in which order lines are written.
        drivers: products that bring people back.
        tally: effects of the promotions in the chunks simulated so far.
    """

    def __init__(
        self,
        users: int,
        seed: int,
        catalogue: Catalogue,
        ledger: Sequence[PromotedProduct],
        *,
        calendar: OrderCalendar,
        world: World,
    ) -> None:
        self._seed, self._catalogue, self._ledger, self._calendar = seed, catalogue, ledger, calendar
        self._world = world
        self._counts = draw_order_counts(users, seed, catalogue.facts)
        self._calibration = load_calibration()
        self._shop = Shop(catalogue, self._calibration, open_stream(seed, Purpose.TASTES))
        self.drivers = draw_drivers(catalogue, world, users, seed)
        retained_share = float(catalogue.facts.order_count_shares[RETAINED_ORDERS:].sum())
        self._urges = Urges(catalogue, world, self.drivers, retained_share, seed)
        orders = int(self._counts.sum())
        self.order_ids = open_stream(seed, Purpose.ORDER_IDS).permutation(orders) + 1
        self.parts, self.blocks = -(-users // CHUNK_USERS), -(-orders // _BLOCK_ORDERS)
        self.tally = UpliftTally.start(ledger)

    def simulate(self, part: int) -> tuple[Visits, Baskets, Flags]:
        """Orders, lines in cart order and which of them were reordered, of one chunk of users."""
        first = part * CHUNK_USERS
        counts = self._counts[first : first + CHUNK_USERS]
        user_ids = np.arange(first + 1, first + 1 + len(counts))
        visits = draw_visits(
            user_ids, counts, self._calendar, self._catalogue.facts, self._open(Purpose.VISITS, part)
        )
        stream = self._open(Purpose.SHOPPING, part)
        sizes = draw_basket_sizes(visits, self._catalogue.facts, stream, self._world.size_loyalty)
        baskets = fill_baskets(visits, sizes, self._shop, stream, self._urges)
        baskets = apply_uplift(
            baskets,
            visits,
            self._ledger,
            self.tally,
            self._open(Purpose.UPLIFT, part),
            aisle_of=self._catalogue.aisle_of,
            cannibalisation=self._world.cannibalisation,
        )
        reordered = mark_reordered(baskets, visits, self._catalogue.size)
        delay = self._calibration.new_item_delay
        cart = sort_into_cart(baskets, reordered, delay, self._open(Purpose.CART, part))
        return visits, Baskets(baskets.order[cart], baskets.product[cart]), reordered[cart]

    def _open(self, purpose: Purpose, part: int) -> np.random.Generator:
        return open_stream(self._seed, purpose, part)


class _Steps:
    """Counts and reports the steps done."""

    def __init__(self, total: int, on_progress: OnProgress | None) -> None:
        self._done, self._total, self._on_progress = 0, total, on_progress

    def finish_one(self) -> None:
        self._done += 1
        if self._on_progress:
            self._on_progress(self._done, self._total)


def _write_orders(shoppers: Shoppers, store: LineStore, paths: _Paths, steps: _Steps) -> dict[str, int]:
    """Simulate all users and write their orders; the lines go into the store."""
    with files.OrdersFile(paths[files.ORDERS]) as table:
        for part in range(shoppers.parts):
            visits, baskets, reordered = shoppers.simulate(part)
            table.append_visits(shoppers.order_ids[table.rows : table.rows + len(visits.user)], visits)
            store.append(visits.eval_set, baskets, reordered)
            steps.finish_one()
    return {files.ORDERS: table.rows}


def _write_lines(shoppers: Shoppers, store: LineStore, paths: _Paths, steps: _Steps) -> dict[str, int]:
    """Write the lines of all orders, ascending by order id."""
    by_id = np.argsort(shoppers.order_ids)
    lines = store.pack()
    with (
        files.LinesFile(paths[files.PRIOR_LINES]) as prior,
        files.LinesFile(paths[files.TRAIN_LINES]) as train,
    ):
        for start in range(0, len(by_id), _BLOCK_ORDERS):
            block = by_id[start : start + _BLOCK_ORDERS]
            for eval_set, table in ((PRIOR, prior), (TRAIN, train)):
                orders = block[lines.eval_set[block] == eval_set]
                order, position, product, reordered = lines.of_orders(orders)
                table.append_lines(shoppers.order_ids[order], product + 1, position, reordered)
            steps.finish_one()
    return {files.PRIOR_LINES: prior.rows, files.TRAIN_LINES: train.rows}


def _write_dimensions(catalogue: Catalogue, paths: _Paths) -> dict[str, int]:
    """Write products, aisles and departments."""
    products = zip(
        range(1, catalogue.size + 1),
        catalogue.names,
        (catalogue.aisle_of + 1).tolist(),
        catalogue.department_of.tolist(),
        strict=True,
    )
    tables: dict[str, tuple[Sequence[str], Iterable[Sequence[object]]]] = {
        files.PRODUCTS: (("product_id", "product_name", "aisle_id", "department_id"), products),
        files.AISLES: (("aisle_id", "aisle"), enumerate(catalogue.aisles, start=1)),
        files.DEPARTMENTS: (("department_id", "department"), enumerate(catalogue.departments, start=1)),
    }
    return {name: files.write_small_table(paths[name], *table) for name, table in tables.items()}


def _write_promotions(
    ledger: Sequence[PromotedProduct], calendar: OrderCalendar, paths: _Paths
) -> dict[str, int]:
    """Write the ledger of promotions, without their effects."""
    rows = (
        (
            promoted.promotion_id,
            promoted.product + 1,
            promoted.name,
            promoted.mechanic,
            promoted.discount_rate,
            date_of(promoted.start, calendar),
            date_of(promoted.end, calendar),
            "true",
        )
        for promoted in ledger
    )
    return {files.PROMOTIONS: files.write_small_table(paths[files.PROMOTIONS], _PROMOTION_COLUMNS, rows)}


def _write_truth(
    ledger: Sequence[PromotedProduct], tally: UpliftTally, calendar: OrderCalendar, path: Path
) -> None:
    """Write the true effects of the promotions."""
    rows = (
        (
            promoted.promotion_id,
            promoted.product + 1,
            date_of(promoted.start, calendar),
            date_of(promoted.end, calendar),
            promoted.lift,
            *(round(float(units), 2) for units in counted),
        )
        for promoted, *counted in zip(
            ledger, tally.base_units, tally.extra_units, tally.lost_units, strict=True
        )
    )
    files.write_small_table(path, TRUTH_COLUMNS, rows)


def _write_drivers(drivers: Sequence[Driver], path: Path) -> None:
    """Write the products that truly bring people back."""
    files.write_small_table(path, DRIVER_COLUMNS, ((driver.product + 1, driver.lift) for driver in drivers))
