"""A local receiver of alerts, which answers what it is told to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What came in, and how it is answered."""

    url: str
    statuses: list[int] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return [alert for message in self.messages for alert in message["alerts"]]

    def list_told(self) -> list[tuple[str, str]]:
        """Kind and subject of every alert."""
        return [(alert["kind"], alert["subject"]) for alert in self.alerts]


@contextmanager
def receive() -> Iterator[Receiver]:
    """A receiver; it answers with the statuses it is given, in order, then with 200."""
    made: list[Receiver] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver = made[0]
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.calls += 1
            status = receiver.statuses.pop(0) if receiver.statuses else 200
            if status == 200:
                receiver.messages.append(body)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: Any, **_kwargs: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.append(Receiver(f"http://127.0.0.1:{server.server_port}/hush-hush"))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made[0]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
