"""What admins set in the browser: organisation, rules of syncing, switches, mail server.

Every reader returns the value and its version; a saver takes both back and refuses, with the code `stale`, when
somebody saved in between. The `..._of(session)` forms are for use inside a transaction.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Protocol, TypeVar

from sqlmodel import Session

from calsync import config
from calsync.engine import rules as engine_rules
from calsync.engine.rules import Rules
from calsync.errors import NotAllowed, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import rule_checks
from calsync.store import accounts, audit
from calsync.store import settings as store

PRODUCT = "Calsync"
RULES = "rules"
"""Under which name the organisation's rules are stored."""

DATE_FORMATS = ("iso", "dmy", "mdy", "cs", "da", "de", "es", "fi", "fr", "it", "nb", "nl", "pl", "pt", "sv")
TLS = ("starttls", "tls", "none")


@dataclass(frozen=True, slots=True)
class Organisation:
    """Whose installation this is and how it looks. `logo` is the digest of the stored picture, "" without one."""

    name: str = PRODUCT
    logo: str = ""
    accent: str = "#206bc4"
    public_url: str = ""
    tz: str = "UTC"
    date_format: str = "iso"  # iso 2030-01-07, dmy 7 Jan 2030, mdy Jan 7, 2030, or a language
    is_set_up: bool = False

    @property
    def says_calsync(self) -> bool:
        """Whether the admin left the product's own name."""
        return self.name == PRODUCT


@dataclass(frozen=True, slots=True)
class Switches:
    """What is allowed at all."""

    staff_may_connect: bool = True
    clients_may_connect: bool = False
    writes_paused: bool = False  # nothing is written to any provider; reading goes on


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail leaves from. `password` None means "as it is stored" when saving; "" means none."""

    host: str = ""
    port: int = 587
    username: str = ""
    password: str | None = field(default="", repr=False)
    sender: str = ""
    tls: str = "starttls"

    @property
    def is_set(self) -> bool:
        return bool(self.host and self.sender)


def organisation(rt: Runtime) -> tuple[Organisation, int]:
    with rt.reading() as session:
        return organisation_of(session)


def organisation_of(session: Session) -> tuple[Organisation, int]:
    return _read(session, "organisation", lambda value: Organisation(**_known(Organisation, value)))


def save_organisation(rt: Runtime, org: Organisation, version: int, *, by: Actor) -> int:
    """Save it and return the new version. Raises Refused for a value that cannot be used."""
    _admin(by, "change the organisation")
    org = replace(org, name=org.name.strip() or PRODUCT, public_url=_public_url(org.public_url))
    if org.tz not in zoneinfo.available_timezones():
        raise Refused(f"There is no time zone called {org.tz}. Choose one like Europe/Berlin.", field="tz")
    if org.date_format not in DATE_FORMATS:
        raise Refused(f"Choose one of {', '.join(DATE_FORMATS)}.", field="date_format")
    if not _is_color(org.accent):
        raise Refused("Give the colour as # and six hex digits, like #206bc4.", field="accent")
    return _save(rt, "organisation", asdict(org), version, before=organisation_of, by=by)


def public_url(rt: Runtime) -> str:
    """Return the address people type, without a slash at its end: the environment's, else the organisation's."""
    return rt.settings.public_url or organisation(rt)[0].public_url


def rules(rt: Runtime) -> tuple[Rules, int]:
    with rt.reading() as session:
        return organisation_rules(session)


def organisation_rules(session: Session) -> tuple[Rules, int]:
    """Return the organisation's rules, without any account's overrides."""
    return _read(session, RULES, engine_rules.from_json)


class _HasOverrides(Protocol):
    overrides: dict[str, Any]


def rules_of(session: Session, account: _HasOverrides) -> Rules:
    """Return the rules in force for an account: its own choices, where allowed, over the organisation's."""
    return engine_rules.overlay(organisation_rules(session)[0], account.overrides)


def in_force(saved: Mapping[str, dict[str, Any]], account: _HasOverrides) -> tuple[Rules, Switches]:
    """Return the account's rules and the switches from what is saved under "rules" and "switches", {} for neither."""
    base = engine_rules.from_json(saved["rules"])
    return engine_rules.overlay(base, account.overrides), switches_from(saved["switches"])


def save_rules(rt: Runtime, new: Rules, version: int, *, by: Actor) -> int:
    """Save the organisation's rules and return the new version. Raises Refused, naming the field."""
    _admin(by, "change the sync settings")
    rule_checks.check(new)
    return _save(rt, "rules", engine_rules.to_json(new), version, before=organisation_rules, by=by)


def switches(rt: Runtime) -> tuple[Switches, int]:
    with rt.reading() as session:
        return switches_of(session)


def switches_of(session: Session) -> tuple[Switches, int]:
    return _read(session, "switches", switches_from)


def switches_from(value: Mapping[str, Any]) -> Switches:
    """Return the switches as they are stored."""
    return Switches(**_known(Switches, value))


def save_switches(rt: Runtime, new: Switches, version: int, *, by: Actor) -> int:
    """Save them and return the new version. Where writing goes on, what waited for it goes out at once."""
    _admin(by, "change what people may do")
    was_paused = switches(rt)[0].writes_paused
    saved = _save(rt, "switches", asdict(new), version, before=switches_of, by=by)
    if was_paused and not new.writes_paused:
        _hurry(rt)
    return saved


def _hurry(rt: Runtime) -> None:
    """Make every account that writes due, some at a time; the next poll of one that is missed does the same."""
    hurried = accounts.HURRIED
    while hurried == accounts.HURRIED:
        with rt.writing() as session:
            hurried = accounts.hurry(session, rt.now())


def mail_server(rt: Runtime) -> tuple[MailServer, int]:
    with rt.reading() as session:
        return mail_server_of(session, rt)


def mail_server_of(session: Session, rt: Runtime) -> tuple[MailServer, int]:
    """Return the mail server with its password in the clear. Raises WrongKey when that cannot be read."""
    found = store.find(session, "mail")
    if found is None:
        return MailServer(), 0
    value, version = found
    sealed = (value.get("password") or {}).get("sealed", "")
    known = MailServer(**{**_known(MailServer, value), "password": ""})
    return replace(known, password=rt.secrets.unseal(sealed.encode()) if sealed else ""), version


def save_mail_server(rt: Runtime, new: MailServer, version: int, *, by: Actor) -> int:
    """Save it and return the new version; a `password` of None keeps the stored one, for the same host only."""
    _admin(by, "change the mail server")
    if new.tls not in TLS:
        raise Refused(f"Choose one of {', '.join(TLS)}.", field="tls")
    if not 1 <= new.port <= 65535:
        raise Refused("A port is a number from 1 to 65535; mail servers use 587 or 465.", field="port")
    if new.host and "@" not in new.sender:
        raise Refused("Give the address that mails come from, like calendar@example.com.", field="sender")
    with rt.writing() as session:
        old, _ = mail_server_of(session, rt)
        if new.password is None and old.password and new.host != old.host:
            raise Refused("Type the password again: it is not sent to another server unasked.", field="password")
        new = replace(new, password=old.password if new.password is None else new.password)
        sealed = {"sealed": rt.secrets.seal(new.password).decode()} if new.password else None
        value = {**asdict(new), "password": sealed}
        return _put(session, rt, "mail", value, version, changed=(asdict(old), asdict(new)), by=by)


_T = TypeVar("_T")


def _read(session: Session, name: str, parse: Callable[[dict[str, Any]], _T]) -> tuple[_T, int]:
    found = store.find(session, name)
    return (parse({}), 0) if found is None else (parse(found[0]), found[1])


def _known(cls: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that `cls` has a field for: an older or newer version may have saved others."""
    names = {each.name for each in fields(cls)}
    return {name: each for name, each in value.items() if name in names}


def _save(
    rt: Runtime,
    name: str,
    value: dict[str, Any],
    version: int,
    *,
    before: Callable[[Session], tuple[Any, int]],
    by: Actor,
) -> int:
    with rt.writing() as session:
        old = asdict(before(session)[0])
        return _put(session, rt, name, value, version, changed=(old, value), by=by)


def _put(
    session: Session,
    rt: Runtime,
    name: str,
    value: dict[str, Any],
    version: int,
    *,
    changed: tuple[dict[str, Any], dict[str, Any]],
    by: Actor,
) -> int:
    new_version = store.put(session, name, value, version, by_id=by.user_id, at=rt.now())
    old, new = audit.changes(*changed)
    if new:
        thing = ("setting", name, name)
        audit.record(session, by, "settings.changed", thing, at=rt.now(), before=old, after=new)
    return new_version


def _admin(by: Actor, action: str) -> None:
    if not by.is_admin:
        raise NotAllowed(action)


def _public_url(value: str) -> str:
    try:
        return config.check_public_url(value) if value.strip() else ""
    except ValueError as error:
        reason = f"This is not an address people can type: {error}. Example: https://calendar.example.com"
        raise Refused(reason, field="public_url") from error


def _is_color(value: str) -> bool:
    return len(value) == 7 and value[0] == "#" and all(c in "0123456789abcdefABCDEF" for c in value[1:])
