"""Who is calling, and who may do what.

Defines what the SCIM and Permissions APIs answer: one person, and lists of grants that are kept as they came.
"""

from typing import Any

from instacart_assets_tests.workspace.answers import Answer, Request, Route

CALLER = "tester@example.com"
PERMISSIONS = "/api/2.0/permissions/"


class People:
    """The one person who calls, and grants by object, as ``jobs/17``."""

    def __init__(self) -> None:
        self.grants: dict[str, list[dict[str, Any]]] = {}

    def routes(self) -> list[Route]:
        """What answers which call."""
        return [
            ("GET", "/api/2.0/preview/scim/v2/Me", self._describe_caller),
            ("GET", f"{PERMISSIONS}[^/]+/[^/]+", self._get),
            ("PATCH", f"{PERMISSIONS}[^/]+/[^/]+", self._add),
            ("PUT", f"{PERMISSIONS}[^/]+/[^/]+", self._replace),
        ]

    def _describe_caller(self, request: Request) -> Answer:  # noqa: ARG002 - every route takes the request
        return Answer.of({"id": "1", "userName": CALLER, "displayName": "Tester", "active": True})

    def _get(self, request: Request) -> Answer:
        name = request.path.removeprefix(PERMISSIONS)
        return Answer.of({"object_id": f"/{name}", "access_control_list": self.grants.get(name, [])})

    def _add(self, request: Request) -> Answer:
        name = request.path.removeprefix(PERMISSIONS)
        self.grants.setdefault(name, []).extend(request.given.get("access_control_list", []))
        return self._get(request)

    def _replace(self, request: Request) -> Answer:
        self.grants[request.path.removeprefix(PERMISSIONS)] = []
        return self._add(request)
