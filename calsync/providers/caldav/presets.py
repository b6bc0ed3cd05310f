"""What we know of well-known CalDAV services before anybody has typed an address."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """A choice on the connect page. `url` is filled in, empty when people must type it.

    `note` says what this service needs to be told, and why; `password_page` is where it is made.
    """

    key: str
    label: str
    url: str
    username: str
    password: str
    note: str = ""
    password_page: str = ""
    domains: tuple[str, ...] = ()


PRESETS: tuple[Preset, ...] = (
    Preset(
        key="icloud",
        label="Apple iCloud",
        url="https://caldav.icloud.com/",
        username="Apple Account e-mail address",
        password="App-specific password",  # noqa: S106 - a label
        note=(
            "iCloud refuses the password of the Apple Account itself: other programs need an app-specific password,"
            " because they cannot answer Apple's two-factor question. It ends when the account password changes."
        ),
        password_page="https://account.apple.com/account/manage",  # noqa: S106 - an address
        domains=("icloud.com", "me.com", "mac.com"),
    ),
    Preset(
        key="fastmail",
        label="Fastmail",
        url="https://caldav.fastmail.com/dav/",
        username="Fastmail e-mail address",
        password="App password",  # noqa: S106 - a label
        note="Fastmail accepts only app passwords here. Make one with access to calendars.",
        password_page="https://app.fastmail.com/settings/security/tokens",  # noqa: S106 - an address
        domains=("fastmail.com", "fastmail.fm"),
    ),
    Preset(
        key="nextcloud",
        label="Nextcloud",
        url="",
        username="Nextcloud user name",
        password="App password",  # noqa: S106 - a label
        note=(
            "Give the address of your Nextcloud, such as cloud.example.com. With two-factor sign-in it accepts only an"
            " app password, made under Settings, Security."
        ),
    ),
    Preset(
        key="other",
        label="Other CalDAV server",
        url="",
        username="User name",
        password="Password",  # noqa: S106 - a label
        note="Give the server's address, or your e-mail address if the server can be found from it.",
    ),
)

GOOGLE_DOMAINS = ("google.com", "googleusercontent.com", "gmail.com", "googlemail.com")
WHY_NOT_GOOGLE = (
    "Connect Google calendars with the Google provider. Google's CalDAV takes no passwords, loses the mark by which"
    " events are recognised, and does not protect against creating an event twice."
)


def is_google(host: str) -> bool:
    """Return whether an address or e-mail domain is Google's."""
    return _is_below(host, GOOGLE_DOMAINS)


def for_host(host: str) -> Preset | None:
    """Return the service that a host or e-mail domain belongs to, None when it is not a known one."""
    return next((preset for preset in PRESETS if _is_below(host, preset.domains)), None)


def _is_below(host: str, domains: tuple[str, ...]) -> bool:
    host = host.lower().rstrip(".")
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)
