"""The doctor: looks at everything an installation needs and says what to do about what it finds.

It reads only, and works as far as it can on an installation that does not start.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy
from sqlmodel import Session, col, select

from calsync import config
from calsync.errors import CalsyncError
from calsync.log import clean_text
from calsync.runtime import Runtime
from calsync.services import doctor_accounts, doctor_credentials, doctor_scheduling, doctor_webhooks, settings
from calsync.services.findings import Finding, Level, fine
from calsync.store import audit, schema, sealed
from calsync.store import tables as t

TICK_LATE = timedelta(minutes=2)
CLOCK_OFF = timedelta(seconds=60)
BACKUP_OLD = timedelta(days=7)
LITTLE_SPACE_BYTES = 500 * 1024 * 1024
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def examine(rt: Runtime, environ: Mapping[str, str] | None = None) -> list[Finding]:
    """Return what was found, in the order in which it should be mended. Never raises for a broken part."""
    found = [*_names(os.environ if environ is None else environ), *_keys(rt), *_space(rt)]
    database = list(_database(rt))
    found += database
    if any(finding.level is Level.ERROR for finding in database):
        return found
    with rt.reading() as session:
        found += [*_key_fit(session, rt), *_clock(session, rt), *_scheduler(session, rt)]
        found += [*_public_url(rt), *_mail(session, rt), *_backup(session, rt), *_audit(session)]
        found += doctor_credentials.examine(session, rt)
        found += [*doctor_accounts.examine(session, rt), *doctor_accounts.unheard(session)]
        found += doctor_accounts.zones(rt, session)
        found += doctor_scheduling.examine(session, rt)
        found += doctor_webhooks.examine(session, rt)
    return found


def _names(environ: Mapping[str, str]) -> Iterator[Finding]:
    for name, meant in config.misspelt(environ):
        hint = f"You may mean {meant}." if meant else "See .env.example for the settings there are."
        yield Finding(
            "settings",
            Level.WARNING,
            f"{name} is set, but there is no such setting.",
            "It has no effect, and what was meant keeps its default.",
            hint,
        )


def _keys(rt: Runtime) -> Iterator[Finding]:
    folder = rt.settings.instance_dir
    files = [rt.settings.key_file, folder / config.SECRET_KEY_FILE]
    present = [path for path in files if path is not None and path.exists()]
    if rt.settings.key_file is not None and not rt.settings.key_file.exists():
        yield Finding(
            "keys",
            Level.ERROR,
            f"The encryption key {rt.settings.key_file} is missing.",
            "Stored passwords and tokens cannot be read without it.",
            "Put it back from your safe copy.",
        )
    open_to_others = [path for path in (folder, *present) if path.exists() and _others_may(path)]
    for path in open_to_others:
        mode = "700" if path.is_dir() else "600"
        yield Finding(
            "keys",
            Level.WARNING,
            f"Others on this machine may look into {path}.",
            "Whoever has the keys can read every stored password and sign in as anybody.",
            f"chmod {mode} {path}",
        )
    if present and not open_to_others:
        names = " and ".join(path.name for path in present)
        yield fine("keys", f"{names} in {present[0].parent} can be read by their owner only.")
    elif not present and rt.settings.key_file is None:
        yield fine("keys", "The keys come from the environment.")


def _others_may(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & 0o077)


def _space(rt: Runtime) -> Iterator[Finding]:
    folder = rt.settings.instance_dir
    if not folder.exists():
        return
    free = shutil.disk_usage(folder).free
    if free < LITTLE_SPACE_BYTES:
        yield Finding(
            "space",
            Level.WARNING,
            f"Only {free // 1024**2} MB are free where {folder} is.",
            "A full disk stops every sync, and on SQLite everything.",
            "Make room, or shorten how long runs and steps are kept (Sync Settings, Safety).",
        )


def _database(rt: Runtime) -> Iterator[Finding]:
    place = rt.db.url.render_as_string(hide_password=True)
    try:
        schema.check(rt.db)
    except schema.UnknownSchema as error:
        why = "The program and its database must fit together."
        yield Finding("schema", Level.ERROR, str(error), why, error.way_out)
    except sqlalchemy.exc.SQLAlchemyError as error:
        yield Finding(
            "database",
            Level.ERROR,
            f"The database {place} cannot be used: {_first_line(error)}",
            "Everything is kept in it.",
            "Check DATABASE_URL, and that the database runs.",
        )
    else:
        yield fine("database", f"The database {place} answers and has revision {schema.head()}.")


def _first_line(error: Exception) -> str:
    original = getattr(error, "orig", None) or error
    return clean_text(str(original).strip().splitlines()[0] if str(original).strip() else type(original).__name__)


def _key_fit(session: Session, rt: Runtime) -> Iterator[Finding]:
    if not sealed.key_fits(session, rt.secrets):
        yield Finding(
            "keys",
            Level.ERROR,
            f"The encryption key in {rt.secrets.source} does not fit the database.",
            "Stored passwords and tokens cannot be read: no account can sync.",
            f"Put the key that the database was encrypted with into {rt.secrets.source}. If it is lost, "
            "every account must be reconnected.",
        )


def _clock(session: Session, rt: Runtime) -> Iterator[Finding]:
    now, off = rt.now(), _clock_offset(session, rt)
    last = session.scalars(select(t.AuditEntry.at).order_by(col(t.AuditEntry.id).desc()).limit(1)).first()
    if off is not None and abs(off) > CLOCK_OFF:
        side = "slow" if off > timedelta() else "fast"
        yield Finding(
            "clock",
            Level.WARNING,
            f"This machine's clock is about {abs(int(off.total_seconds()))} s {side}.",
            "Last modified wins compares times, and codes of authenticator apps depend on them.",
            "Turn on time synchronisation (timedatectl set-ntp true).",
        )
    elif last is not None and last > now + CLOCK_OFF:
        yield Finding(
            "clock",
            Level.WARNING,
            f"It is {now:%Y-%m-%d %H:%M} UTC here, but the audit log goes on to {last:%Y-%m-%d %H:%M} UTC.",
            "The clock was turned back, or was wrong before.",
            "Check the date, and turn on time synchronisation (timedatectl set-ntp true).",
        )
    else:
        yield fine("clock", f"It is {now:%Y-%m-%d %H:%M:%S} UTC.")


def _clock_offset(session: Session, rt: Runtime) -> timedelta | None:
    """Return others' time minus ours: the database server's, else the providers'; None when nobody told.

    A single provider may be wrong itself, so that at least two must agree: the median counts.
    """
    server = None if rt.db.is_sqlite else _server_offset(session)
    if server is not None and abs(server) > CLOCK_OFF:
        return server
    query = select(t.Account.clock_offset_s).where(col(t.Account.last_answer_at).is_not(None))
    offsets = sorted(session.scalars(query))
    if len(offsets) < 2:
        return server
    return timedelta(seconds=min(offsets[len(offsets) // 2], offsets[(len(offsets) - 1) // 2], key=abs))


def _server_offset(session: Session) -> timedelta | None:
    there = session.connection().exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    return there.astimezone(UTC) - datetime.now(UTC) if isinstance(there, datetime) else None


def _scheduler(session: Session, rt: Runtime) -> Iterator[Finding]:
    row = session.get(t.Instance, 1)
    ticked = None if row is None else row.scheduler_tick_at
    if ticked is None:
        what = "The scheduler has never ticked."
    elif rt.now() - ticked > TICK_LATE:
        what = f"The scheduler last ticked at {ticked:%Y-%m-%d %H:%M:%S} UTC."
    else:
        yield fine("scheduler", f"The scheduler ticked {int((rt.now() - ticked).total_seconds())} s ago.")
        return
    yield Finding(
        "scheduler",
        Level.WARNING,
        what,
        "Without it nothing syncs by itself and no mail leaves.",
        "Start the server: calsync serve. If it runs, look into its log and restart it.",
    )


def _public_url(rt: Runtime) -> Iterator[Finding]:
    url = settings.public_url(rt)
    parts = urlsplit(url)
    if not url:
        yield Finding(
            "public_url",
            Level.WARNING,
            "No public URL is set.",
            "Links in mails, and providers that send people back here, need it.",
            "Set CALSYNC_PUBLIC_URL, or the public URL under Organisation.",
        )
    elif parts.scheme == "https":
        yield fine("public_url", f"People reach this installation at {url}.")
    elif parts.hostname in LOCAL_HOSTS:
        yield Finding(
            "public_url",
            Level.NOTE,
            f"The public URL is {url}: this machine only.",
            "Others cannot use it, and links in mails work here alone.",
            "Fine for trying out. For a team, put a proxy with https before it and set the public URL.",
        )
    else:
        yield Finding(
            "public_url",
            Level.WARNING,
            f"The public URL {url} is not encrypted.",
            "Passwords travel in the clear, and Google and Microsoft refuse such redirect addresses.",
            "Put a proxy with a certificate before it and change the public URL to https.",
        )


def _mail(session: Session, rt: Runtime) -> Iterator[Finding]:
    try:
        server, _ = settings.mail_server_of(session, rt)
    except CalsyncError:
        return  # the key does not fit, which is said already
    if server.is_set:
        yield fine("mail", f"Mail leaves by {server.host}:{server.port}.")
    else:
        yield Finding(
            "mail",
            Level.NOTE,
            "No mail server is set.",
            "People learn of trouble only when they look at the pages.",
            "Set one under Sync Settings, Mail, and send a test.",
        )


def _backup(session: Session, rt: Runtime) -> Iterator[Finding]:
    row = session.get(t.Instance, 1)
    made = None if row is None else row.backed_up_at
    if made is not None and rt.now() - made <= BACKUP_OLD:
        yield fine("backup", f"The last backup is of {made:%Y-%m-%d %H:%M} UTC.")
        return
    what = "There is no backup yet." if made is None else f"The last backup is of {made:%Y-%m-%d}."
    yield Finding(
        "backup",
        Level.NOTE,
        what,
        "A lost disk would take every link between CRM and calendars with it.",
        "Run regularly: calsync db backup FILE. Keep the encryption key elsewhere, it is not in it.",
    )


def _audit(session: Session) -> Iterator[Finding]:
    wrong = audit.verify(session)
    if wrong is None:
        yield fine("audit", "The audit log is unbroken.")
    else:
        yield Finding(
            "audit",
            Level.ERROR,
            f"The audit log does not fit together at entry {wrong}.",
            "Somebody changed or removed entries in the database.",
            "Find out who had access, and compare with a backup.",
        )
