"""Where calls go: the region that a token answer names, if it is one of Zoom's own addresses."""

import pytest

from calsync.providers.base import Grant
from calsync.providers.zoom.endpoints import ZOOM
from calsync.providers.zoom.provider import ZoomProvider

USUAL = "https://api.zoom.us/v2"


@pytest.mark.parametrize(
    ("told", "api"),
    [
        ("https://api-eu.zoom.us", "https://api-eu.zoom.us/v2"),
        ("https://api-us.zoom.us/", "https://api-us.zoom.us/v2"),
        ("https://api.zoom.us", USUAL),
        ("", USUAL),
        ("http://api-eu.zoom.us", USUAL),  # a token never travels in the clear
        ("https://api-eu.zoom.us.example.com", USUAL),
        ("https://evil.example/api.zoom.us", USUAL),
        ("https://api-eu.zoom.us@evil.example", USUAL),
        ("https://pictures.zoom.us", USUAL),  # below zoom.us, and still no place for tokens
    ],
)
def test_calls_go_to_known_regions_alone(told: str, api: str) -> None:
    found = ZOOM.of_region(told)
    assert found.api == api
    assert (found.token, found.revoke) == (ZOOM.token, ZOOM.revoke)


def test_a_client_is_opened_for_its_region() -> None:
    client = ZoomProvider().open_meetings(Grant(bearer=lambda _: "token", api_url="https://api-in.zoom.us"))
    assert client.api == "https://api-in.zoom.us/v2"
    client.close()
