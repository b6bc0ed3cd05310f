"""A calendar provider in a dict, with the quirks of real ones as switches and their faults on demand.

Tests, the simulator and the scheduling bench run on it. `MemoryServer` is the world at the other end: people edit
there through its methods. `MemoryProvider` is the registry entry that reaches it as a client reaches a server.
"""

from calsync.providers.memory.client import MemoryClient, MemoryProvider
from calsync.providers.memory.faults import FaultKind, Faults, Request
from calsync.providers.memory.quirks import Quirks, capabilities
from calsync.providers.memory.server import MemoryServer

__all__ = [
    "FaultKind",
    "Faults",
    "MemoryClient",
    "MemoryProvider",
    "MemoryServer",
    "Quirks",
    "Request",
    "capabilities",
]
