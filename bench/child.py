"""One measured sync in a process of its own: `python -m bench.child WHO {"folder": ...}`.

Everything is loaded before the clock starts. What was measured goes to standard output as one line of JSON.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from calsync import garbage


@dataclass
class Clock:
    """Wall and processor seconds of what happens inside `running`; `marks` are those up to a moment in it."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    marks: dict[str, tuple[float, float]] = field(default_factory=dict)
    outcome: dict[str, Any] = field(default_factory=dict)
    _began: tuple[float, float] = (0.0, 0.0)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        self._began = (time.perf_counter(), time.process_time())
        yield
        self.wall_s, self.cpu_s = self._since()
        self.peak_mb = peak_mb()

    def mark(self, name: str) -> None:
        self.marks[name] = self._since()

    def _since(self) -> tuple[float, float]:
        return time.perf_counter() - self._began[0], time.process_time() - self._began[1]


def peak_mb() -> float:
    """Return the most memory this process ever had.

    On Linux `ru_maxrss` counts what the parent had before exec, so the kernel's own line for this program is read.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1024 / 1024


def main() -> None:
    who, asked = sys.argv[1], json.loads(sys.argv[2])
    module = importlib.import_module(f"bench.{who}")
    gc.freeze()  # what is loaded is no part of the measurement, for neither
    if who == "ours":
        garbage.settle()  # as wsgi.py does; the other one runs at the pace that its own program has
    measured: Clock = module.sync(**asked)
    facts = {name: value for name, value in asdict(measured).items() if not name.startswith("_")}
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
