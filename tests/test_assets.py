"""What the browser loads is here, unchanged, and loads nothing from elsewhere."""

import hashlib
import importlib
import re
from pathlib import Path
from pkgutil import iter_modules

import pytest
from defusedxml import ElementTree

from webapp import words

STATIC = Path(__file__).parents[1] / "webapp" / "static"
VENDOR = STATIC / "vendor"
FILES = [file for file in sorted(VENDOR.rglob("*")) if file.suffix in (".js", ".css")]
LOADS = re.compile(r"@import[^;]*//|url\(\s*['\"]?(?:https?:)?//|sourceMappingURL", re.IGNORECASE)


def digests() -> dict[str, str]:
    """Return what the table in the vendor folder promises: path to SHA-256."""
    text = (VENDOR / "README.md").read_text()
    return dict(re.findall(r"^\| `([^`]+)` .* `([0-9a-f]{64})` \|$", text, re.MULTILINE))


def test_every_vendored_file_is_the_one_the_table_names() -> None:
    found = {str(file.relative_to(VENDOR)): hashlib.sha256(file.read_bytes()).hexdigest() for file in FILES}
    assert found == digests()


@pytest.mark.parametrize("file", [*FILES, *STATIC.glob("*.css")], ids=lambda file: file.name)
def test_no_asset_loads_anything_from_elsewhere(file: Path) -> None:
    assert not LOADS.search(file.read_text())


def test_every_vendored_package_brings_its_licence() -> None:
    packages = [folder for folder in VENDOR.iterdir() if folder.is_dir()]
    assert [folder.name for folder in packages if "Permission" not in (folder / "LICENSE").read_text()] == []


def test_icons_are_drawings_under_unique_names() -> None:
    symbols = list(ElementTree.parse(STATIC / "icons.svg").getroot())
    names = [symbol.get("id") for symbol in symbols]
    assert len(set(names)) == len(names) >= 60
    assert [symbol.get("id") for symbol in symbols if not len(symbol)] == []


def test_every_icon_that_is_named_is_drawn() -> None:
    drawn = {symbol.get("id") for symbol in ElementTree.parse(STATIC / "icons.svg").getroot()}
    in_templates = {
        name
        for file in STATIC.with_name("templates").rglob("*.html")
        for name in re.findall(r"""\bicon\(\s*["']([a-z0-9-]+)["']""", file.read_text(encoding="utf-8"))
    }
    assert in_templates | icons_of_words() <= drawn
    assert in_templates
    assert icons_of_words()


def icons_of_words() -> set[str]:
    """Return the icons that states, failures and other worded things carry."""
    modules = [importlib.import_module(f"webapp.words.{found.name}") for found in iter_modules(words.__path__)]
    tables = [value for module in modules for value in vars(module).values() if isinstance(value, dict)]
    return {word.icon for table in tables for word in table.values() if hasattr(word, "icon")}
