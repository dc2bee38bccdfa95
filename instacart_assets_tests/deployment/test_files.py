"""The files of a deployment agree with each other, and keep what they promise."""

import importlib.metadata
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from instacart_assets_tests.deployment.composed import (
    DEPLOY,
    GIVEN,
    fill_in,
    find_variables,
    read_compose,
    read_services,
)

ROOT = DEPLOY.parent
SERVICES = read_services()
OWN = [name for name, said in read_compose()["services"].items() if "instacart" in said["image"].lower()]
SECRET = re.compile(r"(PASSWORD|SECRET|TOKEN)$")


def read_yaml(path: Path) -> dict[str, Any]:
    said: dict[str, Any] = yaml.safe_load(path.read_text())
    return said


def read_example() -> dict[str, str]:
    """Variables of env.example, and the values it gives them."""
    lines = (DEPLOY / "env.example").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def test_every_variable_is_explained_with_its_default_and_none_is_left_over() -> None:
    asked = {found["name"]: found for found in find_variables(read_compose()) if found["kind"]}
    defaults = {name: found["rest"] if found["kind"] == "-" else "" for name, found in asked.items()}
    assert read_example() == defaults
    assert {name for name, value in defaults.items() if not value} == set(GIVEN)


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_nothing_starts_without_what_must_be_given(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        fill_in(read_compose(), {key: value for key, value in GIVEN.items() if key != name})


def test_no_secret_stands_in_a_file() -> None:
    for service in read_compose()["services"].values():
        for name, value in service.get("environment", {}).items():
            assert not SECRET.search(name) or str(value).startswith("${"), name
    said = (DEPLOY / "dagster.yaml").read_text() + (DEPLOY / "Dockerfile").read_text()
    assert re.findall(r"password: (.*)", said) == ["{ env: DAGSTER_POSTGRES_PASSWORD }"]
    assert not re.findall(r"(?:ARG|ENV).*(?:PASSWORD|SECRET|TOKEN)", said)


def test_only_the_proxy_can_be_reached() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service.said} == {"proxy"}
    assert not any("network_mode" in service.said for service in SERVICES.values())


def test_what_needs_no_way_out_has_none() -> None:
    networks = read_compose()["networks"]
    inner = {name for name, said in networks.items() if said.get("internal")}
    outward = {name for name, service in SERVICES.items() if set(service.said["networks"]) - inner}
    assert outward == {"code", "desk", "login", "proxy"}
    assert "inside" not in SERVICES["proxy"].said["networks"] + SERVICES["login"].said["networks"]


def test_only_what_runs_tables_has_the_lake_and_the_settings() -> None:
    reaches = {name for name, service in SERVICES.items() if "/srv/lake" in str(service.said.get("volumes"))}
    assert reaches == {"code", "desk"}
    assert {name for name, service in SERVICES.items() if "env_file" in service.said} == reaches
    assert {name for name in SERVICES if "INSTACART_ALERTS__URL" in SERVICES[name].environment} == {"code"}
    assert "/srv/landing:/srv/landing:ro" in SERVICES["code"].said["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_held_in(name: str) -> None:
    said = SERVICES[name].said
    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "cpus"} <= set(said)
    assert not str(said.get("user", "10001")).startswith("0")


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate", "desk"}))
def test_what_stays_up_tells_whether_it_is_well(name: str) -> None:
    assert SERVICES[name].health_check
    assert SERVICES[name].said["restart"] == "unless-stopped"


def test_services_wait_for_what_they_need() -> None:
    well, done = "service_healthy", "service_completed_successfully"
    assert SERVICES["migrate"].waits_for == {"postgres": well}
    assert SERVICES["code"].waits_for == {"migrate": done}
    for name in ("daemon", "webserver", "analysts"):
        assert SERVICES[name].waits_for == {"migrate": done, "code": well}
    assert set(SERVICES["proxy"].waits_for) == {"login", "webserver", "analysts"}


def test_commands_are_those_that_the_packages_bring() -> None:
    scripts = {point.name for point in importlib.metadata.entry_points(group="console_scripts")}
    for name in OWN:
        service = SERVICES[name]
        asked = service.said.get("entrypoint", service.command)[0]
        assert asked in scripts, name
    assert {SERVICES[name].command[0] for name in ("code", "daemon", "webserver")} == {
        "dagster",
        "dagster-daemon",
        "dagster-webserver",
    }


def test_analysts_have_the_same_web_server_but_for_what_it_lets_them() -> None:
    assert SERVICES["analysts"].command == [*SERVICES["webserver"].command, "--read-only"]
    differing = {
        name
        for name, value in SERVICES["analysts"].environment.items()
        if SERVICES["webserver"].environment[name] != value
    }
    assert differing == {"DAGSTER_POSTGRES_USER", "DAGSTER_POSTGRES_PASSWORD"}
    assert SERVICES["analysts"].said["volumes"] == ["logs:/srv/logs:ro"]


def test_what_dagster_reads_from_the_environment_every_one_of_its_services_has() -> None:
    files = [(DEPLOY / name).read_text() for name in ("dagster.yaml", "workspace.yaml")]
    asked = set(re.findall(r"env: (\w+)", "".join(files)))
    for name in OWN:
        assert asked <= set(SERVICES[name].environment), name


DIFFER = {("concurrency", "runs"), ("run_monitoring", "poll_interval_seconds")} | {
    ("run_monitoring", f"{what}_timeout_seconds") for what in ("start", "cancel")
}
"""What a deployment has otherwise than one machine: more runs at once, and looks that find a lost run soon."""


def flatten(said: Any, *path: str) -> dict[tuple[str, ...], Any]:
    if not isinstance(said, dict) or path in DIFFER:
        return {path: said}
    return {key: leaf for name, value in said.items() for key, leaf in flatten(value, *path, name).items()}


def test_a_deployment_and_one_machine_hold_runs_to_the_same() -> None:
    kept = read_yaml(DEPLOY / "local" / "dagster.yaml")
    assert "event_log_storage" in kept  # as the other one has PostgreSQL
    local = flatten({name: said for name, said in kept.items() if name != "event_log_storage"})
    deployed = flatten(read_yaml(DEPLOY / "dagster.yaml"))
    assert set(local) <= set(deployed)
    assert {key for key in local if local[key] != deployed[key]} <= DIFFER
    places = {
        "storage",
        "compute_logs",
        "local_artifact_storage",
        "run_launcher",
        "run_coordinator",
        "retention",
    }
    assert {key[0] for key in set(deployed) - set(local) - DIFFER} == places


def read_copied(dockerfile: str) -> list[str]:
    """Paths of the project that an image is made of."""
    copies = re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
    return [path for said in copies for path in shlex.split(said)[:-1]]


def test_the_image_is_made_of_files_that_are_there_and_that_are_sent_to_its_builder() -> None:
    copied = read_copied((DEPLOY / "Dockerfile").read_text())
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sorted(copied) == sorted(sent)
    for path in copied:
        assert (ROOT / path).exists(), path
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()


def test_the_image_has_nothing_but_what_is_locked_with_hashes_and_runs_as_nobody() -> None:
    said = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    installs = re.findall(r"pip install (.+?)(?: &&|$)", said, re.MULTILINE)
    for options in installs:
        assert "--no-deps" in options
        assert "--require-hashes" in options or options.split()[-1] == "/dist/*.whl"
    assert len(installs) == 3
    assert re.findall(r"^FROM (\S+)", said, re.MULTILINE) == ["${PYTHON_IMAGE}"] * 3
    assert re.findall(r"^USER (\S+)", said, re.MULTILINE) == ["${UID}:${UID}"]


def read_pins(lock: str) -> dict[str, str]:
    return dict(
        re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==(\S+)", (ROOT / "locks" / lock).read_text(), re.MULTILINE)
    )


@pytest.mark.parametrize("lock", ["deploy.txt", "build.txt"])
def test_the_image_has_the_versions_that_are_tested(lock: str) -> None:
    tested = {**read_pins("dev.txt"), **read_pins("runtime.txt")}
    assert {name: version for name, version in read_pins(lock).items() if tested.get(name) != version} == {}


def test_the_reader_of_the_history_is_the_one_that_analysts_log_in_as() -> None:
    made, asked = SERVICES["postgres"].environment, SERVICES["analysts"].environment
    assert made["DAGSTER_READER"] == asked["DAGSTER_POSTGRES_USER"]
    assert made["DAGSTER_READER_PASSWORD"] == asked["DAGSTER_POSTGRES_PASSWORD"]
    assert made["POSTGRES_PASSWORD"] == SERVICES["daemon"].environment["DAGSTER_POSTGRES_PASSWORD"]


def test_configurations_are_files_that_are_there() -> None:
    said = read_compose()
    for name, config in said["configs"].items():
        assert (DEPLOY / config["file"]).is_file(), name
    used: set[str] = {each["source"] for one in SERVICES.values() for each in one.said.get("configs", [])}
    assert used == set(said["configs"])


def test_every_service_is_described() -> None:
    page = (ROOT / "docs" / "how-to" / "deploy.md").read_text()
    for name in SERVICES:
        assert f"| `{name}` |" in page, name


def test_the_tests_that_hold_a_measure_are_there() -> None:
    page = (ROOT / "docs" / "concepts" / "security.md").read_text()
    named = re.findall(r"`((?:\w+/)*test_\w+\.py|faults/|maintenance/)`", page)
    assert len(named) > 30
    assert [name for name in named if not (ROOT / "instacart_assets_tests" / name).exists()] == []
