"""Every mutation that a schema of GraphQL has, written with arguments: none can be forgotten, nor a new one missed."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

TYPE = "kind name ofType { kind name ofType { kind name ofType { kind name } } }"

INTROSPECTION = f"""{{
  __schema {{
    mutationType {{ fields {{ name args {{ name type {{ {TYPE} }} }} type {{ {TYPE} }} }} }}
    types {{
      kind name enumValues {{ name }} possibleTypes {{ name }}
      inputFields {{ name type {{ {TYPE} }} }} fields {{ name type {{ {TYPE} }} }}
    }}
  }}
}}"""

SCALARS: Mapping[str, object] = {"Int": 1, "Float": 1.0, "Boolean": True}


FAILURES = (
    "... on PythonError { message }",
    "... on UnauthorizedError { message }",
    "... on TerminateRunFailure { message }",
)
LISTS = {"LaunchMultipleRunsResult": "launchMultipleRunsResult", "TerminateRunsResult": "terminateRunResults"}
"""Results that hold one result for each run."""


def write_mutations(schema: Mapping[str, Any], values: Mapping[str, object]) -> dict[str, str]:
    """A document for each mutation, by its name.

    Args:
        schema: what ``INTROSPECTION`` gives.
        values: what stands for an argument or a field of one, by its name, or by ``mutation.name`` for one mutation
            alone; ``...`` for any value of its type. What is not among them is given only where it must be.
    """
    types = {each["name"]: each for each in schema["types"]}
    return {
        field["name"]: _write_mutation(field, types, _choose_values(field["name"], values))
        for field in schema["mutationType"]["fields"]
    }


def is_refused(answer: Mapping[str, Any]) -> bool:
    """Whether an answer says that a permission is missing."""
    said = json.dumps(answer)
    return "UnauthorizedError" in said or "permission" in said


def _choose_values(mutation: str, values: Mapping[str, object]) -> dict[str, object]:
    own = {name.partition(".")[2]: value for name, value in values.items() if name.startswith(f"{mutation}.")}
    return {**values, **own}


def _write_mutation(field: Mapping[str, Any], types: Mapping[str, Any], values: Mapping[str, object]) -> str:
    arguments = _write_fields(field["args"], types, values)
    called = f"{field['name']}({arguments})" if arguments else field["name"]
    result = _unwrap(field["type"])
    is_plain = result["kind"] in {"SCALAR", "ENUM"}
    return f"mutation {{ {called} {'' if is_plain else _write_selection(result['name'], types)} }}"


def _write_selection(result: str, types: Mapping[str, Any]) -> str:
    """Which type came back, and what a failure says; of results in a list, each."""
    possible = {one["name"] for one in types[result]["possibleTypes"] or ()}
    told = " ".join(said for said in FAILURES if said.split()[2] in possible)
    each = " ".join(
        f"... on {name} {{ {LISTS[name]} {_write_selection(_find_item(name, types), types)} }}"
        for name in LISTS
        if name in possible
    )
    return f"{{ __typename {told} {each} }}"


def _find_item(result: str, types: Mapping[str, Any]) -> str:
    """The type of what a result holds for each run."""
    (field,) = (one for one in types[result]["fields"] if one["name"] == LISTS[result])
    return str(_unwrap(field["type"])["name"])


def _write_fields(
    fields: Iterable[Mapping[str, Any]], types: Mapping[str, Any], values: Mapping[str, object]
) -> str:
    return ", ".join(
        f"{one['name']}: {_write_value(one['name'], one['type'], types, values)}"
        for one in fields
        if one["type"]["kind"] == "NON_NULL" or one["name"] in values
    )


def _write_value(
    name: str, kind: Mapping[str, Any], types: Mapping[str, Any], values: Mapping[str, object]
) -> str:
    bare = kind["ofType"] if kind["kind"] == "NON_NULL" else kind
    value = values.get(name, ...)
    if bare["kind"] == "ENUM":
        return str(types[bare["name"]]["enumValues"][0]["name"] if value is ... else value)
    if value is not ...:
        return _write_literal(value)
    if bare["kind"] == "LIST":
        return f"[{_write_value(name, bare['ofType'], types, values)}]"
    if bare["kind"] == "INPUT_OBJECT":
        return f"{{{_write_fields(types[bare['name']]['inputFields'], types, values)}}}"
    return _write_literal(SCALARS.get(bare["name"], "x"))


def _write_literal(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_write_literal, value))}]"
    return json.dumps(value)


def _unwrap(kind: Mapping[str, Any]) -> Mapping[str, Any]:
    """A type without what says that there are many, and that there always is one."""
    return _unwrap(kind["ofType"]) if kind["kind"] in {"NON_NULL", "LIST"} else kind
