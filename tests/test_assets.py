"""What the browser loads is here, unchanged, and loads nothing from elsewhere."""

import hashlib
import re
from pathlib import Path

import pytest
from defusedxml import ElementTree

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
