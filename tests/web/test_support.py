"""The support bundle: what helps is in it, and nothing that names people or opens anything."""

import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.engine.event import Attendee
from calsync.runtime import Runtime
from calsync.services import settings
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office, open_office

TITLE, PLACE, GUEST = "Merger with Zebra", "Vault 7", "zoe@zebra.example"
PASSWORDS = ("remote-secret-9", "mail-secret-9", "hunter2-token")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An office in which everything that must not leave is somewhere in the database."""
    made = open_office(tmp_path)
    made.rt = replace(made.rt, settings=factories.make_settings(tmp_path, public_url=""), enqueue=factories.Hints())
    made.meeting(TITLE, location=PLACE, attendees=(Attendee(GUEST),))
    made.write("Private talk", classification="private")
    made.settle()
    made.change_account(
        secret=made.rt.secrets.seal(json.dumps({"password": PASSWORDS[0]})),
        label="Eli at work",
        username="eli.worker",
        last_error=f"401 for eli.worker: password={PASSWORDS[2]}, sent to {GUEST}",
    )
    mail = settings.MailServer("smtp.example.com", 587, "mailer", PASSWORDS[1], "crm@example.com")
    settings.save_mail_server(made.rt, mail, 0, by=factories.acting(made.cast.ada))
    return made


@pytest.fixture
def rt(office: Office) -> Runtime:
    return office.rt


@pytest.fixture
def cast(office: Office) -> factories.Cast:
    return office.cast


def failing(office: Office) -> t.Run:
    """Return a run with a failed step whose error quotes the event."""
    office.write(TITLE + " II")
    office.server.set_access("work", "reader")
    run = office.sync()
    with office.rt.writing() as session:
        for step in session.exec(select(t.Step).where(t.Step.run_id == run.id)):
            step.error = f'403: "SUMMARY:{TITLE}" Authorization: Bearer {PASSWORDS[2]} by {GUEST}'
            session.add(step)
    return run


def download(client: FlaskClient, run_id: int | None = None) -> dict[str, str]:
    """Return the files of the bundle by name."""
    answer = client.post("/support/bundle.zip" + (f"?run={run_id}" if run_id else ""))
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_it_tells_what_helps(office: Office, ada: FlaskClient) -> None:
    run = failing(office)
    files = download(ada, run.id)
    [account] = json.loads(files["accounts.json"])
    assert (account["id"], account["state"], account["provider"]) == (office.account.id, "active", "memory")
    assert json.loads(files["about.json"])["database"] == "sqlite"
    assert {each["id"] for each in json.loads(files["runs.json"])} >= {run.id}
    told = json.loads(files[f"run-{run.id}.json"])
    assert [(r["state"], r["error_class"]) for r in told["records"]] == [("failed", "permission")]
    assert told["run"]["rules"]["policy"] == "last_modified"
    assert any(finding["check"] == "scheduler" for finding in json.loads(files["checks.json"]))


def test_it_holds_no_secret_no_name_and_nothing_of_any_event(office: Office, ada: FlaskClient, rt: Runtime) -> None:
    run = failing(office)
    with rt.reading() as session:
        hashes = [user.password_hash for user in session.exec(select(t.User)) if user.password_hash]
        [account] = session.exec(select(t.Account))
    people = [address for user in vars(office.cast).values() for address in (user.email, user.name) if address]
    events = (TITLE, PLACE, GUEST, "Private talk", "zebra")
    secrets = [rt.settings.secret_key, *rt.settings.encryption_keys]
    keys = [key.get_secret_value() for key in secrets if key]
    assert account.secret is not None
    whole = "\n".join(download(ada, run.id).values()).lower()
    for forbidden in (*PASSWORDS, *events, *hashes, *keys, "eli.worker", "eli at work", "mailer"):
        assert forbidden.lower() not in whole, forbidden
    for name in people:
        assert re.search(rf"\b{re.escape(name)}\b", whole, re.IGNORECASE) is None, name
    assert account.secret.hex() not in whole


def test_people_are_numbered_so_that_one_can_ask_back(office: Office, ada: FlaskClient) -> None:
    [account] = json.loads(download(ada)["accounts.json"])
    assert account["last_error"] == f"401 for account-{office.account.id}: password=***, sent to address"


def test_that_it_was_made_is_in_the_audit_log(office: Office, ada: FlaskClient) -> None:
    download(ada)
    with office.rt.reading() as session:
        [entry] = session.exec(select(t.AuditEntry).where(t.AuditEntry.action == "support.bundle_made"))
    assert entry.actor == office.cast.ada.email


def test_only_admins_get_one(office: Office, eli: FlaskClient, ada: FlaskClient, anonymous: FlaskClient) -> None:
    assert eli.post("/support/bundle.zip").status_code == 403
    assert "/login" in anonymous.post("/support/bundle.zip").location
    assert ada.post("/support/bundle.zip?run=99").status_code == 404
    assert "Download support bundle" not in eli.get("/help/").text
    assert "Download support bundle" in ada.get("/help/").text
