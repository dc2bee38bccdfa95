"""What compose.yaml says, with its variables filled in as compose does it: commands and environments cannot drift."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>[A-Z0-9_]+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\})")

GIVEN: Mapping[str, str] = {
    "ANALYSTS_GROUP": "analysts",
    "DAGSTER_POSTGRES_PASSWORD": "p@ss:word/ of the owner",  # pragma: allowlist secret
    "DAGSTER_READER_PASSWORD": "p'ss\"word of the reader",  # pragma: allowlist secret
    "EDITORS_GROUP": "data-engineering",
    "INSTACART_ALERTS__URL": "http://127.0.0.1:9/",
    "LAKE_FOLDER": "/srv/lake",
    "LANDING_FOLDER": "/srv/landing",
    "LOGIN_COOKIE_SECRET": "0" * 32,
    "LOGIN_EMAIL_DOMAINS": "*",
    "OAUTH2_PROXY_IMAGE": "oauth2-proxy:alpine",
    "OIDC_CLIENT_ID": "instacart",
    "OIDC_CLIENT_SECRET": "of the client",  # pragma: allowlist secret
    "OIDC_ISSUER_URL": "https://login.example",
    "PUBLIC_HOST": "dagster.example",
    "TLS_CERTIFICATE": "/etc/certificate.pem",
    "TLS_KEY": "/etc/key.pem",
}
"""A value for each variable that has no default. Passwords hold what addresses and shells stumble on."""


@dataclass(frozen=True)
class Service:
    """A service as compose starts it."""

    name: str
    said: Mapping[str, Any]

    @property
    def command(self) -> list[str]:
        return [str(part) for part in self.said["command"]]

    @property
    def environment(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.said.get("environment", {}).items()}

    @property
    def waits_for(self) -> dict[str, str]:
        return {name: each["condition"] for name, each in self.said.get("depends_on", {}).items()}

    @property
    def health_check(self) -> list[str]:
        """The command that tells whether it is well, for a process to start."""
        kind, *command = self.said["healthcheck"]["test"]
        return ["sh", "-c", *command] if kind == "CMD-SHELL" else command


@cache
def read_compose() -> dict[str, Any]:
    """The whole file; its services have what they share merged in."""
    said: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return said


def read_services() -> dict[str, Service]:
    """The services, with variables filled in from ``GIVEN``."""
    return {name: Service(name, fill_in(said)) for name, said in read_compose()["services"].items()}


def fill_in(said: Any, given: Mapping[str, str] = GIVEN) -> Any:
    """What is said, with its variables filled in.

    Raises:
        KeyError: a variable that must be given is not.
    """
    if isinstance(said, dict):
        return {name: fill_in(value, given) for name, value in said.items()}
    if isinstance(said, list):
        return [fill_in(value, given) for value in said]
    return VARIABLE.sub(lambda found: _fill_in_one(found, given), said) if isinstance(said, str) else said


def _fill_in_one(found: re.Match[str], given: Mapping[str, str]) -> str:
    if found["escaped"]:
        return "$"
    if given.get(found["name"]):
        return given[found["name"]]
    if found["kind"] == "-":
        return str(found["rest"])
    raise KeyError(found["name"])


def find_variables(said: Any) -> Iterator[re.Match[str]]:
    """Every variable that is asked for."""
    if isinstance(said, dict):
        for value in said.values():
            yield from find_variables(value)
    elif isinstance(said, list):
        for value in said:
            yield from find_variables(value)
    elif isinstance(said, str):
        yield from (found for found in VARIABLE.finditer(said) if found["name"])
