"""A WSGI application on a free port in a thread of this process, for browsers and for real HTTP clients."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import make_server

from tests.parts.process import HOST

POLL_S = 0.02
"""How long a server may take to notice that it is to end; half a second unless told, for each test."""

WsgiApp = Callable[..., Any]


@contextmanager
def serve(app: WsgiApp) -> Iterator[str]:
    """Serve `app` while the block runs; yields its address without a closing slash.

    The port is chosen by the system as it is bound, so the listener is ours.
    """
    server = make_server(HOST, 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), name="web", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
