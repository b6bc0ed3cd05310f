"""The rules of the house that can be read off the code: who imports whom, and what stays in its room."""

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("calsync", "jobs", "webapp")
PROVIDERS = {"google", "microsoft", "caldav", "zoom"}
ENGINE_MAY_IMPORT = {"calsync", "dateutil", "icalendar", "recurring_ical_events", "tzdata", "tzlocal"}


def modules(*folders: str) -> list[Path]:
    """Return the Python files in the folders, by path from the top."""
    return sorted(file.relative_to(ROOT) for folder in folders for file in (ROOT / folder).rglob("*.py"))


def tree(file: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def imports(file: Path) -> set[str]:
    """Return the dotted names of everything a module imports, wherever it does so."""
    found: set[str] = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module or "")
    return found


def functions() -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of the product."""
    for file in modules(*PRODUCT):
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function's statements span, its docstring left out."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_imports_go_from_top_to_bottom() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    done = subprocess.run([*command, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_wsgi_is_imported_nowhere() -> None:
    assert [file for file in modules(*PRODUCT, "bench") if "wsgi" in imports(file)] == []


def test_the_engine_knows_dates_and_nothing_else() -> None:
    allowed = sys.stdlib_module_names | ENGINE_MAY_IMPORT
    strangers = {
        f"{file}: {name}"
        for file in modules("calsync/engine")
        for name in imports(file)
        if name.partition(".")[0] not in allowed
    }
    assert strangers == set()


@pytest.mark.parametrize("module", ["calsync.services.sync", "calsync.runtime"])
def test_a_sync_loads_neither_web_nor_scheduler(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"flask", "werkzeug", "jinja2", "apscheduler"} & set(done.stdout.split()) == set()


def test_no_code_names_a_provider_outside_its_room() -> None:
    named = [
        f"{file}:{node.lineno}: {node.value!r}"
        for file in [*modules(*PRODUCT), Path("wsgi.py")]
        if not file.is_relative_to("calsync/providers")
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lower() in PROVIDERS
    ]
    assert named == []


def test_no_template_names_a_provider() -> None:
    quoted = [f"{quote}{name}{quote}" for name in PROVIDERS for quote in "'\""]
    templates = sorted((ROOT / "webapp" / "templates").rglob("*.html"))
    named = [file.name for file in templates if any(word in file.read_text(encoding="utf-8") for word in quoted)]
    assert templates
    assert named == []


def test_most_functions_fit_in_the_head() -> None:
    assert statistics.median(map(body_lines, functions())) < 10
