"""The support bundle: what somebody who helps needs to know, and nothing that names people or opens anything.

Rows go in by a list of allowed columns, and then every text is gone through once more: passwords and tokens that a
server may have quoted, addresses, and what people, accounts and calendars are called.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import platform
import re
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sqlmodel import Session

from calsync.engine import rules as rule_values
from calsync.providers.redact import redact
from calsync.runtime import Actor, Runtime
from calsync.services import doctor, settings
from calsync.store import audit, runs, schema, support
from calsync.store import tables as t

MOST_RUNS = 200
MOST_STEPS = 5000
SHORTEST_NAME = 3
"""Shorter names would be replaced inside other words."""

_ADDRESS = re.compile(r"[^\s\"'<>(),;:=]+@[^\s\"'<>(),;:]+")
_QUOTED = re.compile(r"[“\"'«][^“”\"'«»]*[”\"'»]")

_READ_ME = """What this file holds
====================

about.json       version, database, machine; how many rows there ever were
checks.json      what `calsync doctor` says
settings.json    the sync settings and switches; of the mail server only whether it is set
accounts.json    state and facts of each account      calendars.json   the same of calendars
runs.json        the newest runs and their numbers    run-N.json       one run with the state of each record

It holds no password, token or key, no title, guest or text of any event, and no name or address of a person:
people, accounts and calendars are numbered instead. Look through it before you send it to anybody.
"""


def bundle(rt: Runtime, *, run_id: int | None = None, by: Actor) -> bytes:
    """Return a zip archive about the installation, and about one run with its records. Raises NotFound."""
    findings = doctor.examine(rt)
    with rt.reading() as session:
        hide = _hider(session)
        files = {
            "about.json": _about(rt, session),
            "checks.json": [asdict(finding) for finding in findings],
            "settings.json": _settings(rt, session),
            "accounts.json": support.accounts(session),
            "calendars.json": support.calendars(session),
            "runs.json": support.recent_runs(session, MOST_RUNS),
        }
        if run_id is not None:
            runs.get(session, run_id)
            files[f"run-{run_id}.json"] = {
                "run": support.run(session, run_id),
                "records": support.steps(session, run_id, MOST_STEPS),
            }
    with rt.writing() as session:
        about: Any = ("instance", "", "") if run_id is None else runs.get(session, run_id)
        audit.record(session, by, "support.bundle_made", about, at=rt.now())
    return _zipped({name: json.dumps(_plain(value, hide), indent=1) for name, value in files.items()})


def _about(rt: Runtime, session: Session) -> dict[str, Any]:
    instance = session.get(t.Instance, 1)
    url = settings.organisation_of(session)[0].public_url or rt.settings.public_url
    return {
        "version": importlib.metadata.version("calsync"),
        "made_at": rt.now(),
        "database": rt.db.engine.dialect.name,
        "schema": schema.revision(rt.db),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "is_https": url.startswith("https:"),
        "providers": sorted(rt.providers),
        "restores": instance.epoch if instance else 0,
        "scheduler_tick_at": instance.scheduler_tick_at if instance else None,
        "backed_up_at": instance.backed_up_at if instance else None,
        "rows_ever": support.sizes(session),
    }


def _settings(rt: Runtime, session: Session) -> dict[str, Any]:
    rules = rule_values.to_json(settings.organisation_rules(session)[0])
    mail = settings.mail_server_of(session, rt)[0]
    return {
        "rules": rules | {"internal_domains": len(rules["internal_domains"])},
        "switches": asdict(settings.switches_of(session)[0]),
        "mail": {"is_set": mail.is_set, "port": mail.port, "tls": mail.tls, "signs_in": bool(mail.username)},
    }


# --- what must not leave


def _hider(session: Session) -> Callable[[str], str]:
    """Return a function that takes names, addresses and secrets out of a text."""
    called = {name: stand_in for name, stand_in in support.names(session) if len(name) >= SHORTEST_NAME}
    longest_first = sorted(called, key=len, reverse=True)  # "Ben Okafor" before "Ben"
    names = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in longest_first) or r"(?!)", re.IGNORECASE)
    lower = {name.lower(): stand_in for name, stand_in in called.items()}

    def hide(text: str) -> str:
        text = names.sub(lambda found: lower.get(found.group().lower(), "name"), text)
        return _ADDRESS.sub("address", redact(text))

    return hide


def _plain(value: Any, hide: Callable[[str], str]) -> Any:
    """Return a value as JSON holds it. What stands in quotes in an error may be anything that a server was sent."""
    match value:
        case dict():
            return {name: _plain(_quotes_out(each) if name in _SAID else each, hide) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each, hide) for each in value]
        case bool() | int() | float() | None:
            return value
    return hide(str(value))


_SAID = ("error", "last_error", "grant_error")


def _quotes_out(value: Any) -> str:
    return _QUOTED.sub("“…”", str(value or ""))


def _zipped(files: dict[str, str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _READ_ME)
        for name, text in files.items():
            archive.writestr(name, text)
    return target.getvalue()
