"""The engines that are compared, and what each makes of the same files: made once, by all of them at the same time."""

import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from instacart_assets.lakehouse.apache import EngineError, check_java
from instacart_assets.synthetic.generate import generate
from instacart_assets_tests.faults.proof import IS_PROOF, scale
from instacart_assets_tests.parity.damaged_drop import damage_drop
from instacart_assets_tests.parity.engines import EmbeddedEngine, Engine, NoEngineError, SparkEngine

LTS_PYTHON = Path(__file__).parents[2] / ".venv-lts" / "bin" / "python"
"""The Spark of the targeted Databricks Runtime; ``make lts`` sets it up."""

PYTHONS = {"spark": Path(sys.executable), "lts": LTS_PYTHON}
NAMES = ["spark", pytest.param("lts", marks=pytest.mark.proof)]
"""Which of them are asked: in a proof both, else the newest alone."""

USERS = scale(400, 1_000)
SELECTION = None if IS_PROOF else "group:bronze or group:silver or +gold.product_repeat_purchase"
"""The tables that are compared: Spark is at work on each for ten seconds, however small it is."""


@dataclass(frozen=True)
class Made:
    """What an engine makes of a landing.

    Attributes:
        engine: which.
        lake: folder of its tables.
        told: what became of tables and checks, when that is known.
    """

    engine: Engine
    lake: Path
    told: "Future[Any]"


def make_lake(engine: Engine, landing: Path, lake: Path) -> Made:
    """Ask an engine for every table of a landing."""
    return Made(
        engine, lake, engine.ask("build_tables", landing=str(landing), lake=str(lake), selection=SELECTION)
    )


@pytest.fixture(scope="session")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Landed files of generated customers, damaged."""
    folder = tmp_path_factory.mktemp("damaged")
    return damage_drop(generate(USERS, seed=11, out=folder / "clean").landing, folder / "landing")


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Engine]]:
    """Each Spark that is here."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(closing(SparkEngine(name, python, tmp_path_factory.mktemp(name))))
            for name, python in PYTHONS.items()
            if python.exists()
        }


@pytest.fixture(scope="session")
def sparks(
    engines: Mapping[str, Engine], damaged: Path, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Made]:
    """What each Spark makes of the damaged files, at the same time; outside a proof the newest alone."""
    return {
        name: make_lake(engine, damaged, tmp_path_factory.mktemp(name) / "lake")
        for name, engine in engines.items()
        if IS_PROOF or name == "spark"
    }


def find_engine(name: str, engines: Mapping[str, Engine]) -> Engine:
    """A Spark; without it the test is skipped with the reason."""
    try:
        check_java()
        if name not in engines:
            pytest.skip(f"{PYTHONS[name]} is not there: make {name}")
        engines[name].started.result()
    except (EngineError, NoEngineError) as error:
        pytest.skip(str(error))
    return engines[name]


def find_spark(name: str, sparks: Mapping[str, Made]) -> Made:
    """What a Spark makes of the damaged files; without it the test is skipped with the reason."""
    find_engine(name, {known: made.engine for known, made in sparks.items()})
    return sparks[name]


@pytest.fixture(scope="session")
def apache(sparks: Mapping[str, Made]) -> Made:
    """The newest Spark that Delta's jars are made for."""
    return find_spark("spark", sparks)


@pytest.fixture(scope="session")
def lts(sparks: Mapping[str, Made]) -> Made:
    """The Spark of the targeted Databricks Runtime."""
    return find_spark("lts", sparks)


@pytest.fixture(scope="session")
def embedded(damaged: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The embedded engine, in this process."""
    return make_lake(EmbeddedEngine(), damaged, tmp_path_factory.mktemp("embedded") / "lake")
