"""What every client that works over our HTTP client tells of itself."""

from __future__ import annotations

from datetime import timedelta

from calsync.providers.http import Http


class OverHttp:
    """A client's share of what one Http counted and heard, and its end."""

    http: Http

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self.http.requests

    @property
    def limited(self) -> int:
        """How many answers so far asked us to wait."""
        return self.http.limited

    def clock_offset(self) -> timedelta | None:
        """Return the provider's time minus ours; None before any answer."""
        return self.http.clock_offset

    def close(self) -> None:
        """Release connections."""
        self.http.close()
