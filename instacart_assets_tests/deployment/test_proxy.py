"""The proxy, with a login and web servers that the test plays: who gets where, and what analysts may ask."""

import http.client
import json
import os
import shutil
import socket
import ssl
import string
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from instacart_assets_tests.deployment.composed import DEPLOY, GIVEN, read_services
from instacart_assets_tests.processes import Processes, find_free_port

HOST = GIVEN["PUBLIC_HOST"]
PEOPLE = {
    "editor": f"staff,{GIVEN['EDITORS_GROUP']}",
    "analyst": f"{GIVEN['ANALYSTS_GROUP']},staff",
    "both": f"{GIVEN['ANALYSTS_GROUP']},{GIVEN['EDITORS_GROUP']}",
    "guest": f"staff,not-{GIVEN['EDITORS_GROUP']},{GIVEN['ANALYSTS_GROUP']}-of-old",
    "loner": "",
}
"""Whom the login knows, by their cookie, and the groups it says they are in."""

QUESTION = {"query": "query MutationsAndMore { __schema { mutationType { name } } }"}
CHANGE = {"query": "mutation { setNuxSeen }"}


class Answer:
    """What came back."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read().decode()

    @property
    def reached(self) -> dict[str, Any]:
        """What the web server saw that was reached."""
        seen: dict[str, Any] = json.loads(self.body)
        return seen


class Upstream(BaseHTTPRequestHandler):
    """A web server that tells who it is and what it saw."""

    protocol_version = "HTTP/1.1"
    name = ""

    def do_GET(self) -> None:
        if self.headers.get("Upgrade") == "websocket":
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("X-Reached", self.name)
            self.end_headers()
            self.close_connection = True
            return
        self.answer(200, b"")

    def do_POST(self) -> None:
        self.answer(200, self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, status: int, body: bytes) -> None:
        seen = {
            "by": self.name,
            "method": self.command,
            "path": self.path,
            "headers": dict(self.headers.items()),
            "body": body.decode(),
        }
        content = json.dumps(seen).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: Any, **_kwargs: Any) -> None:
        """Say nothing."""


class Login(Upstream):
    """What oauth2-proxy answers: 202 and who it is, or 401; other paths are its own pages."""

    name = "login"

    def do_GET(self) -> None:
        if not self.path.startswith("/oauth2/auth"):
            self.answer(200, b"")
            return
        person = self.headers.get("Cookie", "").partition("=")[2]
        self.send_response(202 if person in PEOPLE else 401)
        if person in PEOPLE:
            self.send_header("X-Auth-Request-Email", f"{person}@example.com")
            self.send_header("X-Auth-Request-Groups", PEOPLE[person])
            self.send_header("Set-Cookie", f"login={person}; renewed")
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def serve(handler: type[Upstream]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def write_configuration(folder: Path, ports: Mapping[str, int]) -> tuple[Path, dict[str, str]]:
    """nginx.conf with its variables filled in, as the proxy's image does it, and the proxy's environment."""
    asked = read_services()["proxy"].environment
    own = {
        "PROXY_FILES": str(folder),
        "PROXY_RUN": str(folder),
        "PROXY_LISTEN": f"127.0.0.1:{ports['proxy']}",
        "PROXY_LOGIN": f"127.0.0.1:{ports['login']}",
        "PROXY_EDITORS": f"127.0.0.1:{ports['webserver']}",
        "PROXY_ANALYSTS": f"127.0.0.1:{ports['analysts']}",
    }
    assert set(own) <= set(asked)
    environment = {name: value for name, value in {**asked, **own}.items() if name.startswith("PROXY_")}
    template = string.Template((DEPLOY / "proxy" / "nginx.conf.template").read_text())
    configuration = folder / "nginx.conf"
    configuration.write_text(template.safe_substitute(environment))
    shutil.copy(DEPLOY / "proxy" / "guard.js", folder)
    return configuration, {"PATH": os.environ["PATH"], **environment}


def write_certificate(folder: Path) -> None:
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem"), "-days", "1"),
            *("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"),
        ],
        check=True,
        capture_output=True,
    )


def find_nginx() -> str:
    """The server with its module for JavaScript; where there is none, the test is skipped."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if not found or not Path("/usr/lib/nginx/modules/ngx_http_js_module.so").exists():
        pytest.skip("nginx is not installed: apt-get install nginx-light libnginx-mod-http-js")
    return found


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    nginx = find_nginx()
    folder = tmp_path_factory.mktemp("proxy")
    processes = Processes(folder)
    handlers = {
        "login": Login,
        "webserver": type("Editors", (Upstream,), {"name": "webserver"}),
        "analysts": type("Analysts", (Upstream,), {"name": "analysts"}),
    }
    with (
        serve(Login) as login,
        serve(handlers["webserver"]) as editors,
        serve(handlers["analysts"]) as analysts,
    ):
        port = find_free_port()
        ports = {"proxy": port, "login": login, "webserver": editors, "analysts": analysts}
        configuration, environment = write_configuration(folder, ports)
        write_certificate(folder)
        command = [nginx, "-c", str(configuration), "-p", "/usr/share/nginx"]
        subprocess.run([*command, "-t"], env=environment, check=True)
        # Root's nginx would give its work to somebody who may not enter the folder of a test.
        user = "user root;" if os.geteuid() == 0 else ""
        processes.start([*command, "-g", f"daemon off; {user}"], environment)
        processes.wait_for(lambda: is_listening(port), "nginx does not listen")
        try:
            yield port
        finally:
            processes.stop()


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Connection(http.client.HTTPSConnection):
    """To the proxy, by the name that people use; its certificate is checked."""

    def __init__(self, port: int, name: str = HOST) -> None:
        super().__init__(name, port, timeout=10)
        self._trust = ssl.create_default_context()
        self._trust.check_hostname = False
        self._trust.verify_mode = ssl.CERT_NONE

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)


def ask(
    proxy: int,
    person: str | None,
    path: str = "/",
    content: Any = None,
    *,
    method: str | None = None,
    **headers: str,
) -> Answer:
    """Ask as somebody; content is sent as JSON, bytes as they are."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    if person:
        said["Cookie"] = f"login={person}"
    body = content if isinstance(content, bytes) or content is None else json.dumps(content).encode()
    if body is not None:
        said.setdefault("Content-Type", "application/json")
    connection = Connection(proxy)
    connection.request(method or ("GET" if body is None else "POST"), path, body, said)
    return Answer(connection.getresponse())


@pytest.mark.parametrize(
    ("person", "server"), [("editor", "webserver"), ("both", "webserver"), ("analyst", "analysts")]
)
@pytest.mark.parametrize(
    "path", ["/", "/assets/silver/orders?a=1&b=2", "/graphql", "/logs/x", "/server_info"]
)
def test_people_reach_the_web_server_of_their_group(proxy: int, person: str, server: str, path: str) -> None:
    content = QUESTION if path == "/graphql" else None
    answer = ask(proxy, person, path, content)
    assert answer.status == 200, answer.body
    assert (answer.reached["by"], answer.reached["path"]) == (server, path)
    assert answer.reached["body"] == ("" if content is None else json.dumps(content))


@pytest.mark.parametrize("person", ["guest", "loner"])
@pytest.mark.parametrize("path", ["/", "/graphql", "/report_asset_materialization/silver/orders"])
def test_who_is_in_no_group_gets_nowhere(proxy: int, person: str, path: str) -> None:
    for content in (None, QUESTION):
        answer = ask(proxy, person, path, content)
        assert answer.status == 403
        assert "in no group that may see this" in answer.body


@pytest.mark.parametrize("person", [None, "stranger"])
@pytest.mark.parametrize("path", ["/", "/graphql", "/logs/x", "/report_asset_check/silver/orders"])
def test_who_is_not_logged_in_gets_nowhere(proxy: int, person: str | None, path: str) -> None:
    for content in (None, QUESTION):
        assert ask(proxy, person, path, content).status == 401


def test_a_page_leads_to_the_login_and_back(proxy: int) -> None:
    answer = ask(proxy, None, "/runs?a=1&b=2", Accept="text/html")
    assert answer.status == 302
    assert answer.headers["Location"].endswith("/oauth2/start?rd=%2Fruns%3Fa%3D1%26b%3D2")
    assert ask(proxy, None, "/oauth2/start?rd=%2F").reached["by"] == "login"


def test_groups_and_names_that_a_browser_claims_count_for_nothing(proxy: int) -> None:
    claims = {
        "X_Auth_Request_Groups": GIVEN["EDITORS_GROUP"],
        "X_Auth_Request_Email": "editor@example.com",
        "X_Forwarded_User": "editor@example.com",
        "X_Forwarded_For": "10.0.0.1",
    }
    assert ask(proxy, "guest", "/", **claims).status == 403
    assert ask(proxy, None, "/", **claims).status == 401
    seen = {
        name.lower(): value for name, value in ask(proxy, "analyst", "/", **claims).reached["headers"].items()
    }
    assert seen["x-forwarded-user"] == "analyst@example.com"
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert not {name for name in seen if name.startswith("x-auth-request")}


def test_web_servers_never_see_a_login(proxy: int) -> None:
    for path, content in (("/", None), ("/graphql", QUESTION)):
        seen = {
            name.lower() for name in ask(proxy, "editor", path, content, Authorization="x").reached["headers"]
        }
        assert not {"cookie", "authorization"} & seen


def test_a_login_that_was_renewed_comes_back(proxy: int) -> None:
    for path, content in (("/", None), ("/graphql", QUESTION)):
        assert ask(proxy, "analyst", path, content).headers["Set-Cookie"] == "login=analyst; renewed"


def test_the_address_of_the_login_check_is_no_door(proxy: int) -> None:
    assert ask(proxy, "editor", "/oauth2/auth").status == 404


@pytest.mark.parametrize(
    "document",
    [
        "mutation { setNuxSeen }",
        "mutation{setNuxSeen}",
        "mutation Named { setNuxSeen }",
        "query Ask { version } mutation Do { setNuxSeen }",
        "# a question\nmutation\n{ setNuxSeen }",
        "\ufeffmutation { logTelemetry }",
    ],
)
def test_analysts_ask_and_change_nothing(proxy: int, document: str) -> None:
    answer = ask(proxy, "analyst", "/graphql", {"query": document})
    assert answer.status == 403
    assert "may look, and change nothing" in answer.body
    assert ask(proxy, "editor", "/graphql", {"query": document}).reached["by"] == "webserver"


@pytest.mark.parametrize(
    "body",
    [
        rb'{"query": "\u006dutation { setNuxSeen }"}',
        b'{"query": "{ version }", "query": "mutation { setNuxSeen }"}',
        b'[{"query": "mutation { setNuxSeen }"}]',
        b'{"query": ["mutation { setNuxSeen }"]}',
        b'{"query": null}',
        b"mutation { setNuxSeen }",
        '{"query": "mutation { setNuxSeen }"}'.encode("utf-16"),
        b"",
        b'{"query": "mutation { setNuxSeen }", "padding": "' + b"x" * 100_000 + b'"}',
    ],
)
def test_a_change_cannot_be_spelled_as_a_question(proxy: int, body: bytes) -> None:
    assert ask(proxy, "analyst", "/graphql", body).status == 403


@pytest.mark.parametrize("kind", ["application/graphql", "text/plain", "application/x-www-form-urlencoded"])
def test_analysts_ask_in_json_alone(proxy: int, kind: str) -> None:
    assert ask(proxy, "analyst", "/graphql", b"{ version }", Content_Type=kind).status == 403


def test_analysts_put_no_document_into_an_address(proxy: int) -> None:
    address = "/graphql?query=mutation%7BsetNuxSeen%7D"
    assert ask(proxy, "analyst", address).status == 403
    assert ask(proxy, "analyst", address, QUESTION).status == 403
    assert ask(proxy, "analyst", "/graphql", QUESTION, method="PUT").status == 403
    assert ask(proxy, "analyst", "/graphql/", CHANGE).status == 403


def test_a_long_question_is_passed_on_whole(proxy: int) -> None:
    content = {**QUESTION, "variables": {"padding": "x" * 1_000_000}}
    assert json.loads(ask(proxy, "analyst", "/graphql", content).reached["body"]) == content


@pytest.mark.parametrize("path", ["materialization", "check", "observation"])
def test_events_are_reported_by_editors_alone(proxy: int, path: str) -> None:
    address = f"/report_asset_{path}/silver/orders"
    assert ask(proxy, "analyst", address, {}).status == 403
    assert ask(proxy, "editor", address, {}).reached["by"] == "webserver"


@pytest.mark.parametrize(("person", "server"), [("editor", "webserver"), ("analyst", "analysts")])
def test_subscriptions_pass(proxy: int, person: str, server: str) -> None:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    answer = ask(proxy, person, "/graphql", **headers)
    assert (answer.status, answer.headers["X-Reached"]) == (101, server)


def test_browsers_are_told_to_be_careful(proxy: int) -> None:
    headers = ask(proxy, "editor").headers
    assert "max-age" in headers["Strict-Transport-Security"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "nginx"


def test_another_name_is_answered_by_nobody_but_for_its_health(proxy: int) -> None:
    for path, status in (("/healthy", 204), ("/", None)):
        connection = Connection(proxy, "127.0.0.1")
        connection.request("GET", path, headers={"Cookie": "login=editor"})
        if status is None:
            with pytest.raises(http.client.RemoteDisconnected):
                connection.getresponse()
        else:
            assert connection.getresponse().status == status
