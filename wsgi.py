"""Putting Calsync together: settings, runtime, pool, clock and pages. Nothing else imports this module.

`main` is the command `calsync`; `app` is made when a WSGI server such as gunicorn asks for `wsgi:app`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from calsync import config, garbage, log
from calsync.config import Settings
from calsync.errors import Refused
from calsync.runtime import Runtime
from calsync.store import secrets
from calsync.store.db import Database
from webapp import cli
from webapp.cli.tools import Tools

if TYPE_CHECKING:
    from flask import Flask

STOP_WITHIN_S = 7.0
"""A stopping process has finished its runs or given them back by then. Supervisors kill after ten seconds, and on a
busy machine the interpreter takes two of them to end.
"""


def main() -> None:
    """Run one command of the command line."""
    cli.main(Tools(load_settings=load_settings, runtime=build_runtime, serve=serve))


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings, or those that `environ` alone gives, and make the log speak as they say."""
    settings = config.load() if environ is None else config.load(environ, env_file=None)
    log.set_up(settings.log_level, settings.log_format)
    return settings


def build_runtime(settings: Settings) -> Runtime:
    """Return the parts that services need: database, secrets, providers."""
    from calsync.providers import registry

    box = secrets.from_settings(settings)
    db = Database(settings.database_url, pool_size=settings.threads + settings.web_threads + 4)
    rt = Runtime(settings, db, box, registry.all_providers())
    garbage.settle()
    return rt


def serve(rt: Runtime, host: str, port: int, greeting: str = "") -> None:
    """Serve pages and run jobs until SIGTERM or Ctrl-C; then stop within ten seconds."""
    with _background(rt) as (app, stop_soon):
        server = _listen(rt, app, host, port)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: _leave(stop_soon))
        print(greeting or _greeting(rt, host, port), flush=True)
        server.run()
        server.close()


def _listen(rt: Runtime, app: Flask, host: str, port: int) -> Any:
    """Return a server that listens. Raises Refused when the address cannot be had."""
    import waitress

    # Where proxies are trusted their headers have to reach the application, which takes off as many as there are.
    clears = not rt.settings.trusted_proxies
    threads = rt.settings.web_threads
    try:
        return waitress.create_server(
            app, host=host, port=port, threads=threads, ident=None, clear_untrusted_proxy_headers=clears
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "that is no address of this machine"
        reason = f"Nothing can listen on {host}, port {port}: {why or error}. Choose another with --host or --port."
        field = "port" if isinstance(error, OSError) else "host"
        raise Refused(reason, code="cannot_listen", field=field) from error


def build_app() -> Flask:
    """Return the pages with jobs and clock running behind them, for a WSGI server that imports `wsgi:app`."""
    import atexit

    from calsync.services import start

    rt = build_runtime(load_settings())
    start.ready(rt)
    stack = contextlib.ExitStack()
    app, _ = stack.enter_context(_background(rt))
    atexit.register(stack.close)
    return app


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = build_app()
    return globals()["app"]


@contextlib.contextmanager
def _background(rt: Runtime) -> Iterator[tuple[Flask, Any]]:
    """Start pool and clock, give the pages, and stop both on the way out."""
    from calsync.services import claims, owners
    from jobs import bodies, queue, scheduler
    from webapp import create_app

    pool = queue.Pool(owners.new_owner(), rt.settings.threads)
    rt = dataclasses.replace(rt, enqueue=pool.enqueue, checkpoint=pool.beat)
    claims.release_dead(rt)
    clock = scheduler.Scheduler(rt, pool)
    app = create_app(rt)
    pool.start(bodies.Work(rt))
    clock.start()
    try:
        yield app, pool.stop_soon
    finally:
        clock.stop()
        pool.stop(STOP_WITHIN_S)
        rt.db.close()


def _leave(stop_soon: Any) -> None:
    """End the server's loop: it takes SystemExit as a request to finish what it is answering."""
    stop_soon()
    # For the case that something never ends: the supervisor would kill us otherwise. It ends with the process.
    last_resort = threading.Timer(STOP_WITHIN_S + 2.0, lambda: os._exit(1))
    last_resort.daemon = True
    last_resort.start()
    raise SystemExit(0)


def _greeting(rt: Runtime, host: str, port: int) -> str:
    from calsync.services import people, settings

    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - what to type, not where to listen
    address = f"http://{everywhere.get(host, host)}:{port}"
    name = settings.organisation(rt)[0].name
    waits = "  Setup waits for you there." if people.nobody_yet(rt) else ""
    return f"{name} is running on {address}{waits}"


if __name__ == "__main__":
    main()
