"""Two runs that most tests look at: a small one for facts about every row, a larger one for distributions."""

import pytest

from instacart_assets.synthetic.generate import GeneratedFiles, generate
from instacart_assets_tests.synthetic.landing import Landing, read_landing


@pytest.fixture(scope="session")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> GeneratedFiles:
    return generate(500, seed=11, out=tmp_path_factory.mktemp("small") / "landing")


@pytest.fixture(scope="session")
def small(small_files: GeneratedFiles) -> Landing:
    return read_landing(small_files.landing, small_files.truth)


@pytest.fixture(scope="session")
def large_files(tmp_path_factory: pytest.TempPathFactory) -> GeneratedFiles:
    return generate(6_000, seed=5, out=tmp_path_factory.mktemp("large") / "landing", products=49_688)


@pytest.fixture(scope="session")
def large(large_files: GeneratedFiles) -> Landing:
    return read_landing(large_files.landing, large_files.truth)
