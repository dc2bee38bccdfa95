"""Finds the shoppers' habits in ``calibration.json``: simulate, compare with the measured facts, correct, repeat.

Run by hand after a change to the shopping model or to the facts; takes minutes. Generating never needs it.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.synthetic.arrays import Flags, Floats, Ints, Purpose, normalise, open_stream, sum_by
from instacart_assets.synthetic.calibration import KNOT_RANKS, Calibration, first_guess, wanted_reorder_rates
from instacart_assets.synthetic.catalogue import Catalogue, build_catalogue
from instacart_assets.synthetic.facts import MeasuredFacts, load_facts
from instacart_assets.synthetic.shopping import (
    Shop,
    draw_basket_sizes,
    fill_baskets,
    mark_reordered,
    sort_into_cart,
)
from instacart_assets.synthetic.visits import PRIOR, TRAIN, draw_order_counts, draw_visits

_USERS, _CHUNK = 24_576, 4_096
_LATE_POSITION = 15  # position in the cart that is compared with the first
_TRUSTED_LINES = 3_000  # knots and aisles with fewer lines are corrected by less


def calibrate(rounds: int = 12) -> Calibration:
    """Correct the first guess round by round, each with different shoppers."""
    facts = load_facts()
    calibration = first_guess(facts)
    for seed in range(rounds):
        catalogue = build_catalogue(facts.products, seed, facts)
        calibration = _correct(
            calibration, _Trial(calibration, catalogue, seed), facts, pace=1 / (1 + seed / 3)
        )
    return calibration


class _Trial:
    """One simulated round: its order lines, with everything that is compared with the facts."""

    def __init__(self, calibration: Calibration, catalogue: Catalogue, seed: int) -> None:
        facts, shop = catalogue.facts, Shop(catalogue, calibration, open_stream(seed, Purpose.TASTES))
        counts = draw_order_counts(_USERS, seed, facts)
        parts = [
            _shop_once(seed, part, counts, shop=shop, delay=calibration.new_item_delay, facts=facts)
            for part in range(_USERS // _CHUNK)
        ]
        self.number, self.eval_set, self.position = (
            np.concatenate([part[at] for part in parts]) for at in range(3)
        )
        self.product = np.concatenate([part[3] for part in parts])
        self.reordered: Flags = np.concatenate([part[4] for part in parts])
        self.aisle = catalogue.aisle_of[self.product]
        self.curve = np.sort(catalogue.shares)[::-1]
        rank = np.empty(catalogue.size, np.int64)
        rank[np.argsort(-catalogue.shares)] = np.arange(catalogue.size)
        self.lines_by_rank = np.bincount(rank[self.product], minlength=catalogue.size)


def _shop_once(
    seed: int, part: int, counts: Ints, *, shop: Shop, delay: float, facts: MeasuredFacts
) -> tuple[Ints, Ints, Ints, Ints, Flags]:
    """Order number, eval set, position, product and reorder flag of all lines of a chunk of users."""
    users = np.arange(part * _CHUNK, (part + 1) * _CHUNK)
    visits = draw_visits(
        users + 1, counts[users], OrderCalendar(), facts, open_stream(seed, Purpose.VISITS, part)
    )
    stream = open_stream(seed, Purpose.SHOPPING, part)
    sizes = draw_basket_sizes(visits, facts, stream)
    baskets = fill_baskets(visits, sizes, shop, stream)
    reordered = mark_reordered(baskets, visits, shop.size)
    cart = sort_into_cart(baskets, reordered, delay, stream)
    order = baskets.order[cart]
    position = np.arange(len(order)) - np.searchsorted(order, order) + 1
    return visits.number[order], visits.eval_set[order], position, baskets.product[cart], reordered[cart]


def _correct(calibration: Calibration, trial: _Trial, facts: MeasuredFacts, pace: float) -> Calibration:
    """Move every habit towards what would have given the measured result, at a ``pace`` of at most 1.

    The pace falls from round to round: each round has its own catalogue, and the habits must fit them all.
    """
    prior = trial.eval_set == PRIOR
    wanted = wanted_reorder_rates(facts)
    lines = np.bincount(trial.number[prior], minlength=101)[1:]
    hits = np.bincount(trial.number[prior & trial.reordered], minlength=101)[1:]
    reached = (hits + wanted * 20) / (lines + 20)
    step = _log_odds(np.clip(wanted, 0.01, 0.99)) - _log_odds(np.clip(reached, 0.01, 0.99))
    train_rate = trial.reordered[trial.eval_set == TRAIN].mean()
    novelty = calibration.novelty * _step(
        facts.aisle_shares * (1 - facts.aisle_reorder_rates), _by_aisle(trial, ~trial.reordered), pace
    )
    loyalty = calibration.loyalty * _step(
        facts.aisle_shares * facts.aisle_reorder_rates, _by_aisle(trial, trial.reordered), pace
    )
    position = trial.position
    gap_wanted = facts.cart_reorder_rates[0] - facts.cart_reorder_rates[_LATE_POSITION - 1]
    gap_reached = trial.reordered[position == 1].mean() - trial.reordered[position == _LATE_POSITION].mean()
    return replace(
        calibration,
        reorder_odds=calibration.reorder_odds + np.append(0, step[1:]) * pace,
        final_shift=calibration.final_shift
        + float(_log_odds(facts.train_reorder_rate) - _log_odds(train_rate)) * pace,
        novelty=novelty / novelty.mean(),
        loyalty=loyalty / loyalty.max(),
        knot_corrections=calibration.knot_corrections + _knot_steps(trial) * pace,
        new_item_delay=float(
            np.clip(calibration.new_item_delay + (gap_wanted - gap_reached) * 2 * pace, 0, 1)
        ),
    )


def _by_aisle(trial: _Trial, lines: Flags) -> Ints:
    return np.bincount(trial.aisle[lines], minlength=134)


def _step(wanted_shares: Floats, lines: Ints, pace: float) -> Floats:
    """Factor from the share reached towards the share wanted; damped where counts are small."""
    wanted = normalise(wanted_shares) * lines.sum()
    factor: Floats = ((wanted + 50) / (lines + 50)) ** (0.8 * pace)
    return factor


def _knot_steps(trial: _Trial) -> Floats:
    """Log factors at the knots: wanted over reached lines of the ranks around each."""
    log_ranks, log_knots = np.log(np.arange(1, len(trial.curve) + 1)), np.log(KNOT_RANKS)
    nearest = np.searchsorted((log_knots[1:] + log_knots[:-1]) / 2, log_ranks)
    reached = sum_by(nearest, trial.lines_by_rank.astype(np.float64))
    wanted = sum_by(nearest, trial.curve) * trial.lines_by_rank.sum()
    steps: Floats = np.log(wanted / reached) * reached / (reached + _TRUSTED_LINES)
    steps -= steps.mean()
    return steps


def _log_odds(rate: Floats | float) -> Floats:
    return np.asarray(np.log(np.asarray(rate) / (1 - np.asarray(rate))))


def _round(value: Floats | float) -> list[float] | float:
    return round(value, 4) if isinstance(value, float) else [round(float(entry), 4) for entry in value]


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write the habits as JSON, one line for each."""
    lines = [
        f"  {json.dumps(name)}: {json.dumps(_round(value))}" for name, value in asdict(calibration).items()
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write_calibration(calibrate(), Path(__file__).with_name("calibration.json"))
