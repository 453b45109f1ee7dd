"""The two ports: HTTP for functions and tests, HTTPS for API servers."""

import ssl
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standin import control
from standin.gateway import Gateway
from standin.messages import Answer, Request
from standin.token_review import TokenReviews

# How soon it is noticed that it is to end.
POLL_SECONDS = 0.02

Answering = Callable[[Request], Answer]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], answering: Answering) -> None:
        self.answering = answering
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever hangs up is not worth a word; of what is wrong here, Python tells."""
        problem = sys.exc_info()[1]
        if not isinstance(problem, (ConnectionError, ssl.SSLError)):
            super().handle_error(request, client_address)

    def start(self) -> str:
        """Serves from now on, and tells host and port."""
        threading.Thread(target=self.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
        return f"{self.server_address[0]}:{self.server_address[1]}"


def gateway_server(address: tuple[str, int], gateway: Gateway) -> Server:
    def answering(request: Request) -> Answer:
        if request.path.startswith(control.PREFIX):
            return control.answer(gateway, request)
        return gateway.answer(request)

    return Server(address, answering)


def webhook_server(address: tuple[str, int], gateway: Gateway, certificate: str, key: str) -> Server:
    reviews = TokenReviews(gateway.accounts, gateway.sessions, gateway.journal)
    server = Server(address, reviews.answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # Shaken by the thread of the connection: else one that is silent would keep out all others.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are written apart, and the second would wait for the first to be acknowledged.
    disable_nagle_algorithm = True
    server: Server

    def _serve(self) -> None:
        # `self.path` is tidied up, and a signature is over what was sent.
        target = self.requestline.split(" ")[1]
        request = Request(self.command, target, list(self.headers.items()), self._body())
        answer = self.server.answering(request)
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        told = any(name.lower() == "content-length" for name, _ in answer.headers)
        if not told and answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = _serve

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunk(self) -> bytes:
        """Empty at the end, and what trails it is read over."""
        size = int(self.rfile.readline().partition(b";")[0], 16)
        if size == 0:
            while self.rfile.readline().strip():
                pass
            return b""
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def log_message(self, format: str, *args: object) -> None:
        """The journal tells more."""
