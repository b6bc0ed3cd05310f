"""Run the emulator: `python -m tests.emulators.google --port 0` prints the port it listens on, then serves."""

from __future__ import annotations

from tests.emulators import serving
from tests.emulators.google.app import create_app
from tests.emulators.google.world import World

if __name__ == "__main__":
    serving.main("tests.emulators.google", lambda clock: create_app(World(clock=clock)))
