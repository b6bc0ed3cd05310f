"""Run the emulator: `python -m tests.emulators.zoom --port 0` prints the port it listens on, then serves."""

from __future__ import annotations

from tests.emulators import serving
from tests.emulators.zoom.app import create_app
from tests.emulators.zoom.world import World

if __name__ == "__main__":
    serving.main("tests.emulators.zoom", lambda clock: create_app(World(clock=clock)))
