"""Declares that a pure function produces the rows of a table, and finds the declared tables.

Contains the one decorator of the project and the value it leaves behind. It knows nothing of engines,
lakes or Dagster: a declared function is still the plain function, tested by calling it.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType, ModuleType
from typing import Any, ParamSpec

from pydantic import BaseModel
from pyspark.sql import DataFrame

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.model import Contract
from instacart_assets.contracts.rules import consulted_tables
from instacart_assets.errors import RemediableError
from instacart_assets.settings import Settings
from instacart_assets.tables.moment import Moment

Inputs = ParamSpec("Inputs")
Transform = Callable[..., DataFrame]

SETTINGS_CLASSES = tuple(
    field.annotation
    for field in Settings.model_fields.values()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
)
"""The classes of settings objects that a transform may ask for."""

GIVEN_CLASSES = (*SETTINGS_CLASSES, Moment)
"""The classes of all objects that a transform may ask for: settings, and the moment of the build."""

_MARK = "__table__"


class DeclarationError(RemediableError):
    """A function cannot produce the table it is declared for; the message says what to change."""


@dataclass(frozen=True)
class Table:
    """A contract and the function that produces its rows.

    Attributes:
        contract: what the table promises.
        transform: takes the sources' rows, and settings where it asks for them, by keyword.
        sources: address of the table behind each parameter that takes rows.
        settings: type of the settings object, or of the moment, behind each other parameter.
        landed: contracts of the sources whose rows become this table's rows, by address: refused ones are kept as they
            landed.
        history: the parameter that takes the table's own rows as published so far; None where there is none.
        by: columns that split the rows into groups which are built independently: where some rows of a source change,
            only the groups that depend on them are rebuilt. Empty where the table is always built as a whole.
        ties: by address of a source, the columns that link its rows to the table's: the ``by`` columns, where it has
            them. All rows depend on a source without a tie.
    """

    contract: Contract
    transform: Transform
    sources: dict[str, str]
    settings: dict[str, type]
    landed: Mapping[str, Contract] = field(default_factory=dict)
    history: str | None = None
    by: tuple[str, ...] = ()
    ties: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def dependencies(self) -> tuple[str, ...]:
        """Addresses of the tables that are built before it: its sources, and those its rules compare with."""
        return tuple(dict.fromkeys((*self.sources.values(), *consulted_tables(self.contract))))

    @property
    def address(self) -> str:
        """``layer.table``."""
        return self.contract.address


def table(
    address: str,
    *,
    by: Sequence[str] = (),
    ties: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Callable[[Callable[Inputs, DataFrame]], Callable[Inputs, DataFrame]]:
    """Declare that the decorated function produces the rows of the table at ``address``.

    A parameter named ``<layer>_<table>`` and annotated ``DataFrame`` receives that table's rows
    (``silver_orders`` those of ``silver.orders``); one named after the table itself receives the rows published so
    far, none the first time. Any other parameter receives the settings object of its annotated type, or the ``Moment``
    of the build. The function itself is returned unchanged.

    A table built ``by`` columns promises: the function derives the rows with given values in these columns only from
    the rows of its sources with the same values, whatever other rows there are. A source that lacks the columns is read
    as a whole; ``ties`` say which rows of the table depend on a row of it, and without them any change of it rebuilds
    the whole table.

    Args:
        address: ``layer.table`` of a contract.
        by: columns that split the table into groups that are built independently.
        ties: by the address of a source, columns that it has in common with the table.

    Raises:
        DeclarationError: no contract has that address, a parameter names neither a table nor settings, or ``by`` or
            ``ties`` do not fit the contracts.
    """

    def declare(transform: Callable[Inputs, DataFrame]) -> Callable[Inputs, DataFrame]:
        setattr(transform, _MARK, make_table(address, transform, by=by, ties=ties))
        return transform

    return declare


def make_table(
    address: str,
    transform: Transform,
    *,
    by: Sequence[str] = (),
    ties: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Table:
    """The table at ``address`` made by ``transform``; see ``table``."""
    contracts = load_contracts()
    if address not in contracts:
        raise DeclarationError(
            f"{address} has no contract; write instacart_assets/contracts/{address.replace('.', '/')}.yml"
        )
    sources: dict[str, str] = {}
    settings: dict[str, type] = {}
    for name, parameter in inspect.signature(transform).parameters.items():
        if parameter.annotation is DataFrame:
            sources[name] = _read_source_address(name, address)
        elif parameter.annotation in GIVEN_CLASSES:
            settings[name] = parameter.annotation
        else:
            raise DeclarationError(
                f"{address}: annotate parameter {name} with DataFrame or a settings class, or with Moment"
            )
    history = next((name for name, source in sources.items() if source == address), None)
    sources = {name: source for name, source in sources.items() if name != history}
    contract = contracts[address]
    landed = {origin: contracts[origin] for origin in contract.row_sources if contract.refuses_rows}
    grouping = _read_grouping(contract, sources.values(), by, ties)
    return Table(contract, transform, sources, settings, landed, history, *grouping)


def _read_grouping(
    contract: Contract, sources: Iterable[str], by: Sequence[str], ties: Mapping[str, Sequence[str]]
) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """The columns that groups are built by, and those that tie each source to them; untied sources are omitted."""
    contracts = load_contracts()
    optional = [name for name in by if name not in contract.required_columns]
    if optional:
        raise DeclarationError(
            f"{contract.address}: groups are made by required columns, not {', '.join(optional)}"
        )
    strange = [address for address in ties if address not in sources]
    if strange:
        raise DeclarationError(
            f"{contract.address}: {', '.join(strange)} is tied and no source; take the tie out"
        )
    found: dict[str, tuple[str, ...]] = {}
    for address in sources:
        columns = set(contracts[address].column_names)
        tie = tuple(by) if set(by) <= columns else tuple(ties.get(address, ()))
        if not set(tie) <= columns & set(contract.column_names):
            raise DeclarationError(
                f"{contract.address}: {', '.join(tie)} must be columns of it and of {address}"
            )
        if by and tie:
            found[address] = tie
    return tuple(by), found


def find_tables(package: ModuleType) -> Iterator[Table]:
    """The tables declared in the modules of a package, by the names of the modules."""
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        yield from (declared for value in vars(module).values() if (declared := _declared_in(value, module)))


def _declared_in(value: Any, module: ModuleType) -> Table | None:
    declared = getattr(value, _MARK, None)
    # A module may import another's function; only its own module declares it.
    return declared if isinstance(declared, Table) and value.__module__ == module.__name__ else None


def _read_source_address(parameter: str, address: str) -> str:
    layer, _, name = parameter.partition("_")
    if f"{layer}.{name}" not in load_contracts():
        raise DeclarationError(
            f"{address}: parameter {parameter} names no table with a contract; "
            "call it <layer>_<table>, as silver_orders"
        )
    return f"{layer}.{name}"
