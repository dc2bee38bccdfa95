"""Product names, built from the vocabulary, with the traps that real names contain.

Names are the values a correct CSV reader sees, backslashes included; quoting is done in ``files``. A product's aisle
and popularity are decided in ``catalogue``.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from instacart_assets.synthetic.arrays import Ints
from instacart_assets.synthetic.vocabulary import (
    ACCENTED_BRANDS,
    AISLES,
    BRANDS,
    INCHES,
    QUALITIES,
    SIZES,
    VARIANTS,
    split_words,
)

_REAL_CATALOGUE = 49_688
_QUIRKS_PER_CATALOGUE = {"inches": 120, "accents": 318, "no_break_space": 4, "digits": 3, "case_twin": 100}
"""Names with each trap in the public catalogue; smaller catalogues get a proportional number, at least one."""

_COMMA_SHARE = 0.066
_PLAIN_TRIES = 8
_PLAIN_NAMES = 12
"""Number of best sellers per aisle that get the shortest names."""


class NameMaker:
    """Makes up unique product names.

    Args:
        stream: source of randomness.
    """

    def __init__(self, stream: np.random.Generator) -> None:
        self._stream = stream
        self._taken: set[str] = set()

    def name_products(self, aisle_of: Ints, place: Ints) -> list[str]:
        """Name every product.

        Args:
            aisle_of: aisle of each product, from 0.
            place: rank of each product by popularity in its aisle, from 0.
        """
        names = [""] * len(aisle_of)
        quirks = self._choose_quirks(len(aisle_of))
        for product in range(len(aisle_of)):
            if product not in quirks:
                style, nouns = self._words(int(aisle_of[product]))
                plain = place[product] < _PLAIN_NAMES
                names[product] = self._take(partial(self._usual_name, style, nouns, plain))
        usual = [name for name in names if name.isascii() and any(map(str.isupper, name[1:]))]
        for product in sorted(quirks):
            words = self._words(int(aisle_of[product]))
            names[product] = self._quirky_name(quirks[product], words, usual)
        return names

    def _choose_quirks(self, products: int) -> dict[int, str]:
        """Which products get a name with a trap, and which trap."""
        wanted = [
            quirk
            for quirk, count in _QUIRKS_PER_CATALOGUE.items()
            for _ in range(max(1, round(count * products / _REAL_CATALOGUE)))
        ]
        chosen = self._stream.permutation(products)[: len(wanted)]
        return dict(zip(chosen.tolist(), wanted, strict=True))

    def _usual_name(self, style: Sequence[str], nouns: Sequence[str], plain: bool, tries: int) -> str:
        """A name of one to five parts; every retry adds parts until the name is new."""
        noun, variant = self._pick(nouns), self._pick(style)
        if plain and tries < _PLAIN_TRIES:
            return (noun, f"Organic {noun}", f"{variant} {noun}")[min(tries, 2)]
        if self._stream.random() < _COMMA_SHARE:
            parts = [noun, variant, self._pick(QUALITIES), self._pick(SIZES)]
            return ", ".join(parts[: 2 + min(tries, 2)])
        name = f"{variant} {noun}"
        has_quality, has_brand, has_size = self._stream.random(3) < np.array([0.45, 0.5, 0.25]) + tries / 4
        if has_quality:
            name = f"{self._pick(QUALITIES)} {name}"
        if has_brand:
            name = f"{self._pick(BRANDS)} {name}"
        return f"{name} {self._pick(SIZES)}" if has_size else name

    def _quirky_name(
        self, quirk: str, words: tuple[Sequence[str], Sequence[str]], usual: Sequence[str]
    ) -> str:
        """A name with the given trap."""
        style, nouns = words
        base = f"{self._pick(style)} {self._pick(nouns)}"
        if quirk == "digits":
            return self._take(lambda tries: str(self._stream.integers(101, 2999 + tries)))
        if quirk == "case_twin" and usual:
            return self._take(lambda tries: _change_case(self._pick(usual), tries))
        if quirk == "inches":
            return self._take(lambda tries: self._inches_name(base, tries))
        if quirk == "accents":
            return self._take(lambda tries: f"{self._pick(ACCENTED_BRANDS)} {base}{self._pad(tries)}")
        return self._take(lambda tries: f"{self._pick(BRANDS)} {base}{self._pad(tries)}\u00a0")

    def _inches_name(self, base: str, tries: int) -> str:
        """A name with a backslash before each double quote, as in the public files."""
        wide, long = self._pick(INCHES), self._pick(INCHES)
        shapes = (
            f'{wide}\\" {base}',
            f'{base} {wide}\\"x{long}\\" Tray',
            f'{self._pick(BRANDS)} {base}, {wide}\\"',
            f'The \\"Very Best\\" {base}',
        )
        return self._pick(shapes) + self._pad(tries)

    def _pad(self, tries: int) -> str:
        """Nothing on the first try, a size on retries."""
        return f" {self._pick(SIZES)}" if tries else ""

    def _words(self, aisle: int) -> tuple[Sequence[str], Sequence[str]]:
        """Variants and products of an aisle, counted from 0."""
        _, style, nouns = AISLES[aisle + 1]
        return split_words(VARIANTS[style]), split_words(nouns)

    def _pick(self, words: Sequence[str]) -> str:
        return words[int(self._stream.integers(len(words)))]

    def _take(self, make: Callable[[int], str]) -> str:
        """The first name made that is not taken; ``make`` gets the number of failed tries."""
        tries = 0
        while (name := make(tries)) in self._taken:
            tries += 1
        self._taken.add(name)
        return name


def _change_case(name: str, tries: int) -> str:
    """The same name in different case, as two suppliers might write it."""
    words = name.split(" ")
    changed = -1 - tries % len(words)
    words[changed] = (
        words[changed].lower() if words[changed] != words[changed].lower() else words[changed].upper()
    )
    return " ".join(words)
