"""What the metrics tell about requests to providers."""

from __future__ import annotations

from calsync.providers import traffic


def requests_by_status() -> dict[str, int]:
    """Return how many requests this process sent to providers, by the status of the answer; "none" without one."""
    return traffic.counted()
