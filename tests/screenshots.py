"""`python -m tests.screenshots`: pictures of the demo for the documents, light and dark, into docs/screenshots.

Everything on them is what `calsync demo` shows; `--only run` takes those whose name begins so.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.parts import browser, process
from tests.parts.process import HOST, Server
from webapp.cli.demo.story import ADA, PASSWORD

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
SIZE = {"width": 1280, "height": 860}
LARGEST = 200 * 1024
DEMO_TIMEOUT_S = 240.0
"""Weeks of work are played before it listens."""


class Demo(Server):
    """`calsync demo` in a folder of its own."""

    def command(self) -> list[str]:
        program = Path(sys.executable).parent / "calsync"
        return [str(program), "demo", "--host", HOST, "--port", str(self.port)]


def open_path(path: str) -> Callable[[Page], object]:
    return lambda page: page.goto(path)


def open_first(path: str, row: str = "[data-row] a[href]") -> Callable[[Page], object]:
    """Return what opens the first row of a list."""

    def show(page: Page) -> None:
        page.goto(path)
        page.goto(str(page.locator(row).first.get_attribute("href")))

    return show


def open_calendar(page: Page) -> None:
    page.goto("/calendar/?person=all")
    page.wait_for_load_state("networkidle")


PICTURES: dict[str, Callable[[Page], object]] = {
    "overview": open_path("/overview/"),
    "calendar": open_calendar,
    "activities": open_path("/activities/"),
    "accounts": open_path("/accounts/"),
    "account": open_first("/accounts/", "[data-row] a.row-link"),
    "conflict": open_first("/conflicts/"),
    "history": open_path("/history/"),
    "run": open_first("/history/?state=partial"),
    "settings": open_path("/settings/general"),
    "integrations": open_path("/integrations/"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description="Take docs/screenshots.")
    parser.add_argument("--only", default="", help="pictures whose name begins with this")
    only = parser.parse_args().only
    FOLDER.mkdir(parents=True, exist_ok=True)
    process.START_TIMEOUT_S = DEMO_TIMEOUT_S
    with tempfile.TemporaryDirectory(prefix="calsync-screenshots-") as folder, sync_playwright() as playwright:
        demo = Demo(Path(folder))
        demo.start()
        try:
            chromium = playwright.chromium.launch(
                executable_path=str(browser.find() or ""), args=list(browser.LAUNCH_ARGS)
            )
            for scheme in ("light", "dark"):
                take_all(chromium, f"http://{HOST}:{demo.port}", scheme, only)
        finally:
            demo.stop()


def take_all(chromium: Browser, url: str, scheme: str, only: str) -> None:
    """Take every picture in one colour scheme, signed in as the admin."""
    looks = {"viewport": SIZE, "color_scheme": scheme, "reduced_motion": "reduce", "locale": "en-GB"}
    page = chromium.new_context(base_url=url, **looks).new_page()
    page.goto("/login")
    page.get_by_label("Email address").fill(ADA.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Main").wait_for()
    for name, show in PICTURES.items():
        if name.startswith(only):
            show(page)
            page.wait_for_load_state("networkidle")
            take(page, FOLDER / f"{name}-{scheme}.png")


def take(page: Page, path: Path) -> None:
    """Write one picture. Raises RuntimeError when the page is an error, or the picture too large for a repository."""
    heading = page.get_by_role("heading", level=1).first.inner_text()
    if "There is nothing here" in heading or "went wrong" in heading:
        raise RuntimeError(f"{page.url} shows {heading!r}")
    page.screenshot(path=path)
    size = path.stat().st_size
    if size > LARGEST:
        raise RuntimeError(f"{path.name} has {size // 1024} KB, more than {LARGEST // 1024}")
    print(f"{path.name}  {size // 1024} KB  {heading}", flush=True)


if __name__ == "__main__":
    main()
