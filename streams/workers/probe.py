"""`/metrics` and `/ready` of a worker, on a thread of their own."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams.config import Metrics


class Probe:
    """A small HTTP server that answers even while the worker's loop is busy."""

    def __init__(self, settings: Metrics, role: str) -> None:
        self.ready = False
        self._address = (settings.host, settings.ports.get(role, 0))

    def start(self) -> None:
        """Listen; raises OSError when the port is taken."""
        server = ThreadingHTTPServer(self._address, self._handler())
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, name="probe", daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        probe = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                match self.path:
                    case "/metrics":
                        self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
                    case "/ready":
                        ready = probe.ready
                        body = b"ready\n" if ready else b"recovering\n"
                        self._answer(200 if ready else 503, "text/plain", body)
                    case _:
                        self._answer(404, "text/plain", b"try /metrics or /ready\n")

            def _answer(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Scrapes are no news."""

        return Handler
