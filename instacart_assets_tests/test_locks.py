"""The locks hold what the project asks for, by hash, and name no address."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PINNED = re.compile(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==([^ ;]+)", re.MULTILINE)


def read_pins(lock: str) -> dict[str, list[str]]:
    pins: dict[str, list[str]] = {}
    for name, version in PINNED.findall((ROOT / "locks" / lock).read_text()):
        pins.setdefault(name, []).append(version)
    return pins


def read_requirements(extra: str | None, *groups: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    stated = [*project["project"]["dependencies"]]
    if extra is not None:
        stated += project["project"]["optional-dependencies"][extra]
    for group in groups:
        stated += [entry for entry in project["dependency-groups"][group] if isinstance(entry, str)]
    return [Requirement(entry) for entry in stated]


@pytest.mark.parametrize(
    ("lock", "extra", "groups"),
    [
        ("runtime.txt", "local", ("build",)),
        ("dev.txt", "local", ("build", "dev")),
        ("lts.txt", None, ("build", "lts")),
    ],
)
def test_every_requirement_is_pinned_to_an_allowed_version(
    lock: str, extra: str | None, groups: tuple[str, ...]
) -> None:
    pins = read_pins(lock)
    for requirement in read_requirements(extra, *groups):
        name = requirement.name.lower().replace("_", "-")
        assert name in pins, f"{lock} has no {name}: make lock"
        assert all(version in requirement.specifier for version in pins[name]), (
            f"{lock} holds {name} {pins[name]}"
        )


def test_what_runs_is_what_is_tested() -> None:
    assert read_pins("runtime.txt").items() <= read_pins("dev.txt").items()


def test_the_targeted_runtime_gets_nothing_that_its_clusters_do_not_have() -> None:
    assert not {"pysail", "deltalake", "dagster-databricks"} & read_pins("lts.txt").keys()


@pytest.mark.parametrize("lock", ["runtime.txt", "dev.txt", "lts.txt"])
def test_the_locks_are_hashes_and_no_addresses(lock: str) -> None:
    text = (ROOT / "locks" / lock).read_text()
    assert "://" not in text
    entries = PINNED.findall(text)
    assert len(entries) == len(re.findall(r"^[a-z0-9].*\n    --hash=sha256:", text, re.MULTILINE))
