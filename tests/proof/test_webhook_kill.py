"""Killed between the commit and the message, or while it travels: the real server delivers it once it is back."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlmodel import col, select

from calsync import runtime
from calsync.runtime import CLI, Runtime
from calsync.services import activities, webhooks
from calsync.store import tables as t
from tests import factories
from tests.parts import process
from tests.parts.receiver import Answer, Got, Receiver

ROOT = Path(__file__).parents[2]
WITHIN_S = 40.0

PLANS_AND_DIES = """
import os, signal, sys
from calsync import config, runtime
from calsync.services import activities
from calsync.store.db import Database
from calsync.store.secrets import from_settings

def die(job, **ids):
    if job == "deliver_webhooks":  # hinted as soon as the transaction is committed
        os.kill(os.getpid(), signal.SIGKILL)

settings = config.load(env_file=None)
rt = runtime.Runtime(settings, Database(settings.database_url), from_settings(settings), {}, enqueue=die)
values = {"title": "Planned by somebody who died", "start": runtime.utc_now()}
activities.create(rt, int(sys.argv[1]), values, by=runtime.CLI)
"""


@pytest.fixture
def rt(tmp_path: Path) -> Iterator[Runtime]:
    settings = factories.make_settings(tmp_path, allow_private_networks=True)
    made = factories.make_runtime(tmp_path, runtime.utc_now, settings=settings)
    yield made
    made.db.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Return a function that starts the server as operators do."""
    children: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "wsgi", "serve", "--port", str(process.free_port())]
        with (tmp_path / "log.txt").open("ab") as log:
            children.append(subprocess.Popen(command, cwd=ROOT, env=environment(tmp_path), stdout=log, stderr=log))
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.wait()


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "CALSYNC_INSTANCE_DIR": str(folder),
        "CALSYNC_SECRET_KEY": "s" * 48,
        "CALSYNC_ENCRYPTION_KEYS": factories.KEY,
        "CALSYNC_ALLOW_PRIVATE_NETWORKS": "true",
        "CALSYNC_LOG_LEVEL": "error",
    }


def wait_for(what: Callable[[], bool], folder: Path) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not what():
        assert time.monotonic() < deadline, (folder / "log.txt").read_text()
        time.sleep(0.05)


def states(rt: Runtime) -> list[str]:
    with rt.reading() as session:
        return list(session.exec(select(t.Delivery.state).order_by(col(t.Delivery.id))))


def test_what_was_committed_is_told_although_its_process_died(
    rt: Runtime, serve: Callable[[], subprocess.Popen[bytes]], receiver: Receiver, tmp_path: Path
) -> None:
    ada = factories.make_user(rt, "Ada", "admin")
    _, secret = webhooks.create(rt, receiver.url, ["activity.created"], by=CLI)
    command = [sys.executable, "-c", PLANS_AND_DIES, str(ada.id)]
    done = subprocess.run(command, cwd=ROOT, env=environment(tmp_path), capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert states(rt) == ["waiting"]
    assert receiver.got == []

    serve()
    wait_for(lambda: states(rt) == ["delivered"], tmp_path)
    (got,) = receiver.got
    assert got.verified(secret, runtime.utc_now())["type"] == "activity.created"


def test_a_server_killed_while_a_message_travels_sends_it_again(
    rt: Runtime, serve: Callable[[], subprocess.Popen[bytes]], receiver: Receiver, tmp_path: Path
) -> None:
    """The receiver cannot tell, for it knows the id: at least once, and recognisable."""
    ada = factories.make_user(rt, "Ada", "admin")
    webhooks.create(rt, receiver.url, ["activity.created", "activity.updated"], by=CLI)
    is_dead = threading.Event()

    def hold(got: Got) -> Answer:
        is_dead.wait(WITHIN_S)
        return Answer()

    receiver.answer = hold
    first = serve()
    values = {"title": "Review", "start": runtime.utc_now()}
    activity = activities.create(rt, t.pk(ada), values, by=CLI)
    activities.edit(rt, t.pk(activity), {"title": "Audit"}, by=CLI)
    wait_for(lambda: len(receiver.got) == 1, tmp_path)
    first.kill()
    first.wait()
    is_dead.set()

    serve()
    wait_for(lambda: states(rt) == ["delivered", "delivered"], tmp_path)
    assert receiver.types == ["activity.created", "activity.created", "activity.updated"]
    assert len({got.id for got in receiver.got}) == 2
