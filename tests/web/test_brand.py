"""An accent of any colour stays readable, and so do our own colours."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st

from calsync.services.settings import Organisation
from webapp import brand

STYLES = (Path(__file__).parents[2] / "webapp/static/calsync.css").read_text(encoding="utf-8")
COLOURS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@given(COLOURS)
@example("#ffff00")
@example("#000000")
@example("#ffffff")
@example("#808080")
@example("#767676")
@example("#7a7a7a")
def test_links_and_buttons_can_be_read_in_any_accent(accent: str) -> None:
    found = re.findall(r"#[0-9a-f]{6}", brand.stylesheet(accent))
    light, dark, solid, on = (brand._parse(text) for text in found)
    assert brand.contrast(light, brand.LIGHT_SURFACE) >= brand.READABLE
    assert brand.contrast(dark, brand.DARK_SURFACE) >= brand.READABLE
    assert brand.contrast(on, solid) >= brand.READABLE
    assert solid == brand._parse(accent), "the accent itself is kept where nothing is read on it"


def tokens() -> dict[str, tuple[brand.Colour, brand.Colour]]:
    pairs = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", STYLES)
    return {name: (brand._parse(light), brand._parse(dark)) for name, light, dark in pairs}


@pytest.mark.parametrize("colour", ["green", "blue", "amber", "red", "violet", "grey"])
@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_badges_can_be_read(colour: str, scheme: int) -> None:
    known = tokens()
    assert brand.contrast(known[colour][scheme], known[f"{colour}-soft"][scheme]) >= brand.READABLE
    assert brand.contrast(known[colour][scheme], known["surface"][scheme]) >= brand.READABLE


@pytest.mark.parametrize("ground", ["bg", "surface", "raised", "hover", "red-soft", "amber-soft", "blue-soft"])
@pytest.mark.parametrize("text", ["text", "muted"])
@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_texts_can_be_read(text: str, ground: str, scheme: int) -> None:
    known = tokens()
    assert brand.contrast(known[text][scheme], known[ground][scheme]) >= brand.READABLE


def test_contrast_is_the_standards() -> None:
    assert brand.contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert brand.contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


def test_icon_shows_the_first_letter_and_nothing_else() -> None:
    assert ">N</text>" in brand.icon(Organisation(name="northwind"))
    assert ">&lt;</text>" in brand.icon(Organisation(name="<script>"))


def test_look_changes_its_address(ada: FlaskClient) -> None:
    before = re.search(r"/brand/style\.css\?v=\w+", ada.get("/help/").text).group()
    ada.post("/organisation/look", data={"name": "Northwind", "accent": "#aa0000", "version": 0})
    assert before not in ada.get("/help/").text
    assert "immutable" in ada.get(before).headers["Cache-Control"]
