"""Run the emulator: `python -m tests.emulators.microsoft --port 0` prints the port it listens on, then serves."""

from __future__ import annotations

from tests.emulators import serving
from tests.emulators.microsoft.app import create_app
from tests.emulators.microsoft.world import World

if __name__ == "__main__":
    serving.main("tests.emulators.microsoft", lambda clock: create_app(World(clock=clock)))
