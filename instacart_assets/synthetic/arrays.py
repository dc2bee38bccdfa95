"""Array helpers of the generator: type names, index arithmetic and random streams.

Nothing here knows about groceries.
"""

from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Purpose(IntEnum):
    """What a random stream is for: every purpose has its own stream, so none affects another."""

    CATALOGUE = 1
    ORDER_COUNTS = 2
    ORDER_IDS = 3
    PROMOTIONS = 4
    VISITS = 5
    SHOPPING = 6
    UPLIFT = 7
    CART = 8
    TASTES = 9
    DRIVERS = 10
    DAYS = 11


def open_stream(seed: int, purpose: Purpose, part: int = 0) -> np.random.Generator:
    """A random stream that depends only on its three arguments (``part``: the chunk of users)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, int(purpose), part])))


def starts_of(sizes: Ints) -> Ints:
    """First index of each of the adjacent groups of the given sizes, then the end: one more entry than ``sizes``."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])


def expand_ranges(starts: Ints, sizes: Ints) -> Ints:
    """The indices ``starts[i] .. starts[i] + sizes[i] - 1`` of all groups, one group after the other."""
    shift = np.asarray(starts, np.int64) - starts_of(sizes)[:-1]
    return np.arange(int(sizes.sum()), dtype=np.int64) + np.repeat(shift, sizes)


def first_of_each(keys: Ints) -> Ints:
    """Index of the first appearance of every distinct key, ascending by key."""
    return np.unique(keys, return_index=True)[1]


def sum_by(groups: Ints, values: Floats, size: int = 0) -> Floats:
    """Sum of the values of each group, for at least ``size`` groups from 0."""
    sums: Floats = np.bincount(groups, weights=values, minlength=size).astype(np.float64)
    return sums


def normalise(values: Floats) -> Floats:
    """Scale along the last axis to sums of 1."""
    scaled: Floats = values / values.sum(axis=-1, keepdims=True)
    return scaled
