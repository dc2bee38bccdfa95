"""What goes over the wire: a request as it came in, the answer to it, and the error that Databricks would give.

Nothing of files, runs or clusters lives here.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True)
class Request:
    """One call of the REST API.

    Attributes:
        method: as GET.
        path: unquoted, without the query.
        query: of names that came more than once, the last.
        headers: their names in lower case.
        body: bytes as they came.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def given(self) -> dict[str, Any]:
        """The fields of the JSON body, or of the query where there is no body."""
        return json.loads(self.body) if self.body else dict(self.query)

    def require(self, name: str) -> Any:
        """The value of a field that must be given.

        Raises:
            ApiError: it is not.
        """
        value = self.given.get(name)
        if value in (None, ""):
            raise ApiError.invalid(f"Missing required field: {name}")
        return value


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    status: int = HTTPStatus.OK
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, content: Any, status: int = HTTPStatus.OK) -> "Answer":
        """An answer in JSON."""
        return cls(status, json.dumps(content).encode(), {"Content-Type": "application/json"})


@dataclass
class ApiError(Exception):
    """An error as the REST API tells it: ``error_code`` and ``message`` beside the status."""

    status: int
    error_code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_answer(self) -> Answer:
        """The error in JSON."""
        plain = Answer.of({"error_code": self.error_code, "message": self.message}, self.status)
        return Answer(plain.status, plain.body, {**plain.headers, **self.headers})

    @classmethod
    def invalid(cls, message: str) -> "ApiError":
        """A parameter cannot be what it is."""
        return cls(HTTPStatus.BAD_REQUEST, "INVALID_PARAMETER_VALUE", message)

    @classmethod
    def missing(cls, message: str) -> "ApiError":
        """What was asked for does not exist."""
        return cls(HTTPStatus.NOT_FOUND, "RESOURCE_DOES_NOT_EXIST", message)


Route = tuple[str, str, Callable[[Request], Answer]]
"""Method, pattern of the whole path, and what answers."""
