"""Generates the page of the settings' environment variables."""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs.compiler.markdown import tabulate
from instacart_assets.settings import Settings

PREFIX = str(Settings.model_config["env_prefix"])
NESTED = str(Settings.model_config["env_nested_delimiter"])

HEAD = """\
# Settings

Each setting is an environment variable. This page is generated from the settings (`make pages`). An invalid value stops every command
with a message that names the variable and the values it can have. Lists and mappings are written as JSON.

The address and credentials of a Databricks workspace are not among them: its SDK reads `DATABRICKS_HOST` and the like from the
environment. Variables of tests and of the build are in [contributing](../CONTRIBUTING.md).
"""


def document_variables() -> str:
    """The page of all settings: variable, default and meaning, by group."""
    lines = [HEAD, *_tabulate_fields(Settings, PREFIX)]
    for name, field in Settings.model_fields.items():
        if group := _read_group(field):
            lines += ["", f"## {name.capitalize()}", "", _summarise(group), ""]
            lines += _tabulate_fields(group, f"{PREFIX}{name.upper()}{NESTED}")
    return "\n".join([*lines, ""])


def _tabulate_fields(group: type[BaseModel], prefix: str) -> Iterator[str]:
    rows = [
        (f"`{prefix}{name.upper()}`", _show_default(field), _describe(field))
        for name, field in group.model_fields.items()
        if _read_group(field) is None
    ]
    yield from tabulate(("variable", "default", "what it sets"), rows)


def _summarise(group: type[BaseModel]) -> str:
    return (group.__doc__ or "").split("\n\n")[0].replace("``", "`")


def _read_group(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _describe(field: FieldInfo) -> str:
    choices = [str(choice) for choice in _find_choices(field.annotation)]
    told = field.description or ""
    untold = [choice for choice in choices if choice not in told]
    return f"{told} One of {', '.join(f'`{choice}`' for choice in choices)}." if untold else told


def _find_choices(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _show_default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    match value:
        case None:
            return "none"
        case "":
            return "empty"
        case bool():
            return f"`{str(value).lower()}`"
        case tuple() if not value:
            return "`[]`"
        case float():
            return f"`{value:g}`"
        case _:
            return f"`{value}`"
