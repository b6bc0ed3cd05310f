"""Documents that list things list all of them, and nothing that is gone."""

import re
import tomllib
from pathlib import Path

import pytest

from calsync import config
from calsync.engine import winner
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Deletions, Policy
from calsync.services import failures, sync

ROOT = Path(__file__).parents[1]
NOT_A_SETTING = "encryption_source"  # noted by the program, not told


def test_the_example_names_every_setting() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#([A-Z_]+)=", text, re.MULTILINE))
    known = {config.env_name(field) for field in config.Settings.model_fields if field != NOT_A_SETTING}
    assert named == known


def test_the_example_can_be_used_as_it_stands(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    copy = tmp_path / ".env"
    used = re.sub(r"^#([A-Z_]+=)", r"\1", text, flags=re.MULTILINE)
    copy.write_text(used, encoding="utf-8")
    settings = config.load({"CALSYNC_INSTANCE_DIR": str(tmp_path / "instance")}, env_file=copy)
    plain = config.load({"CALSYNC_INSTANCE_DIR": str(tmp_path / "instance")}, env_file=None)
    changed = {"database_url", "public_url"}  # examples, where the default is empty
    assert settings.model_dump(exclude=changed) == plain.model_dump(exclude=changed)


def documents() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def links(text: str) -> list[str]:
    """Return what a document links to and shows as pictures, without what stands in code."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, as code hosts make them."""
    headings = re.findall(r"^#+ +(.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for link in links(document.read_text(encoding="utf-8")):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        goal = (document.parent / path).resolve() if path else document
        if not goal.exists() or (anchor and anchor not in anchors(goal.read_text(encoding="utf-8"))):
            broken.append(link)
    assert broken == []


def test_the_link_check_finds_links_and_anchors() -> None:
    assert links("see [a](b.md#c) and ![p](q.png), not `[x](y)`") == ["b.md#c", "q.png"]
    assert anchors("# How It works\n```\n# no\n```\n## A, b & c") == {"how-it-works", "a-b--c"}


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(line for extra in extras for line in extra)]
    names = {re.split(r"[\[<>=; ]", line)[0] for line in wanted}
    reasons = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    assert {name for name in names if not re.search(rf"\b{re.escape(name)}\b", reasons)} == set()


def test_the_map_names_nothing_that_is_gone() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = {name.rsplit("/", 1)[-1] for name in re.findall(r"`([\w/]+\.(?:py|html))`", text)}
    rooms = [
        ROOT / "wsgi.py",
        *(f for room in ("calsync", "jobs", "webapp", "tests") for f in (ROOT / room).rglob("*.*")),
    ]
    assert named - {file.name for file in rooms} == set()


@pytest.mark.parametrize(
    "told",
    [
        f"more than {Rules().brake_deletions} **and** more than {Rules().brake_deletion_share:.0%}".replace("%", " %"),
        f"more than {Rules().brake_creates}, not on an account's first run",
        f"people mailed | more than {Rules().brake_mails} |",
        f"tried up to {failures.TRIES} times, then failed",
        f"stops after {failures.STOP_AFTER} records in a row",
        f"up to {failures.ATTEMPTS} times, then once a day",
        f"at most {sync.ROUNDS} rounds",
        f"within {winner.TIE.total_seconds():.0f} seconds the CRM",
    ],
)
def test_the_numbers_of_the_engine_are_those_of_its_document(told: str) -> None:
    assert told in (ROOT / "docs" / "sync.md").read_text(encoding="utf-8")


def test_the_document_has_a_row_for_every_policy_and_deletion_rule() -> None:
    text = (ROOT / "docs" / "sync.md").read_text(encoding="utf-8")
    heads = set(re.findall(r"^\| ([^|]+?) \|", text, re.MULTILINE))
    assert {policy.value for policy in Policy} == {"crm", "external", "last_modified", "manual"}
    assert {"CRM wins", "External wins", "Last modified wins (default)", "Manual"} <= heads
    assert {rule.value for rule in Deletions} == {head.split()[0] for head in heads} & {"follow", "unlink", "ask"}
