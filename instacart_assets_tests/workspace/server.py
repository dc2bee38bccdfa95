"""The HTTP side of an emulated workspace: token, routes, faults and the list of calls.

Defines how a call becomes an answer. What an API does, its own module says.
"""

import re
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from instacart_assets_tests.workspace.answers import Answer, ApiError, Request, Route
from instacart_assets_tests.workspace.faults import Faults, HangUp

HUNG_UP = 0
"""Status of a call whose connection was closed without an answer."""


@dataclass(frozen=True)
class Call:
    """A call of the REST API and the status it was answered with."""

    method: str
    path: str
    status: int


class Server:
    """Answers on a free port of this machine, with a thread per connection."""

    def __init__(self, token: str, routes: Iterable[Route], faults: Faults) -> None:
        self.calls: list[Call] = []
        self._token = token
        self._routes = [(method, re.compile(path), answer) for method, path, answer in routes]
        self._faults = faults
        self._connections: set[socket.socket] = set()
        self._is_dark = threading.Event()
        self._is_heard = threading.Event()
        self._is_heard.set()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._http.server_address[1])

    def go_dark(self, *, is_silent: bool) -> None:
        """Answer nobody until told otherwise: hang up, or keep everybody waiting."""
        if is_silent:
            self._is_heard.clear()
        else:
            self._is_dark.set()
            self._close_connections()

    def come_back(self) -> None:
        """Answer again; who was kept waiting is hung up on."""
        self._is_dark.clear()
        self._is_heard.set()

    def stop(self) -> None:
        """Stop listening, and hang up."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self._is_heard.set()
        self._close_connections()

    def _close_connections(self) -> None:
        for connection in tuple(self._connections):
            hang_up(connection)

    def welcome(self, connection: socket.socket) -> None:
        """Keep a connection that has begun, to close it in the end."""
        self._connections.add(connection)
        if self._is_dark.is_set():
            hang_up(connection)

    def forget(self, connection: socket.socket) -> None:
        """A connection has ended."""
        self._connections.discard(connection)

    def answer(self, request: Request) -> Answer:
        """Carry a call out.

        Raises:
            HangUp: it gets no answer.
        """
        status = HUNG_UP
        try:
            answer = self._carry_out(request)
            status = int(answer.status)
        finally:
            self.calls.append(Call(request.method, request.path, status))
        return answer

    def _carry_out(self, request: Request) -> Answer:
        if not self._is_heard.is_set():
            self._is_heard.wait()
            raise HangUp
        fault = self._faults.find(request)
        if self._is_dark.is_set() or (fault and not fault.error and not fault.is_late):
            raise HangUp
        try:
            if fault and fault.error:
                raise fault.error
            answer = self._dispatch(request)
        except ApiError as error:
            answer = error.as_answer()
        if fault and fault.is_late:
            raise HangUp
        return answer

    def _dispatch(self, request: Request) -> Answer:
        self._check_token(request)
        for method, path, answer in self._routes:
            if method == request.method and path.fullmatch(request.path):
                return answer(request)
        raise ApiError(
            HTTPStatus.NOT_FOUND, "ENDPOINT_NOT_FOUND", f"No API found for '{request.method} {request.path}'"
        )

    def _check_token(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            message = "Credential was not sent or was of an unsupported type for this API."
            raise ApiError(HTTPStatus.UNAUTHORIZED, "401", message)
        if token != self._token:
            raise ApiError(HTTPStatus.FORBIDDEN, "403", "Invalid access token.")


def hang_up(connection: socket.socket) -> None:
    """End a connection in both directions, whoever is waiting at it."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # the other side was first
        return


class _Handler(BaseHTTPRequestHandler):
    """Reads the calls of one connection and sends the answers."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece: in two, the second waits for the first to be acknowledged
    server: "_Http"

    def setup(self) -> None:
        super().setup()
        self.server.owner.welcome(self.connection)

    def finish(self) -> None:
        self.server.owner.forget(self.connection)
        super().finish()

    def do(self) -> None:
        """Answer a call."""
        url = urlsplit(self.path)
        request = Request(
            self.command,
            unquote(url.path),
            dict(parse_qsl(url.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self._read_body(),
        )
        try:
            self._send(self.server.owner.answer(request))
        except HangUp:
            self.close_connection = True
            hang_up(self.connection)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815 - names of http.server

    def _read_body(self) -> bytes:
        # requests sends an empty stream in chunks
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        """Calls are listed, not printed."""


class _Http(ThreadingHTTPServer):
    """Listens, and has a thread for each connection."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, owner: Server) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_: Any) -> None:
        """Whoever hangs up in the middle of a call is none of ours to report."""
