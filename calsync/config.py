"""What the process is told from outside: environment, `.env` and key files, read and checked once at start.

What an admin sets in the browser is not here but in `services/settings.py`.
"""

from __future__ import annotations

import difflib
import io
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import dotenv
import dotenv.parser
from cryptography.fernet import Fernet
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from calsync import key_files
from calsync.errors import ConfigError

POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
"""How addresses of PostgreSQL may begin. There is one driver."""
PREFIX = "CALSYNC_"
TESTS = "CALSYNC_TEST_"
NAMES = {"database_url": "DATABASE_URL"}
"""Settings whose name in the environment is not the prefix and the field."""
SECRETS = ("database_url", "secret_key", "encryption_keys", "metrics_token")
"""Settings that may also stand in a file, named by NAME_FILE."""
DATABASE_FILE = "calsync.db"
SECRET_KEY_FILE = "secret.key"  # noqa: S105 - the name of a file
ENCRYPTION_KEY_FILE = "encryption.key"
SHORTEST_SECRET = 32


def _words(value: Any) -> Any:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


class Settings(BaseModel):
    """Everything the process was told. Made by `load`; tests make it directly."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, extra="forbid")

    instance_dir: Path = Field(Path("instance"), examples=["/var/lib/calsync"])
    database_url: str = Field("", examples=["postgresql://calsync:password@localhost/calsync"], repr=False)
    secret_key: SecretStr = Field(examples=["(48 random characters)"])
    encryption_keys: Annotated[tuple[SecretStr, ...], BeforeValidator(_words)] = Field(
        examples=["(the output of: python -m calsync.config)"]
    )
    """Newest first: the first one encrypts, all of them decrypt."""
    encryption_source: str = "CALSYNC_ENCRYPTION_KEYS"
    """Where the encryption keys came from, in words for messages: a path or the name of a setting."""
    public_url: str = Field("", examples=["https://calendar.example.com"])
    """The address people type, without a slash at its end. "": the organisation's setting decides."""
    host: str = Field("127.0.0.1", examples=["127.0.0.1"])
    port: int = Field(8000, ge=1, le=65535, examples=["8000"])
    threads: int = Field(8, ge=1, le=64, examples=["8"])
    """How many jobs run at once."""
    web_threads: int = Field(8, ge=1, le=64, examples=["8"])
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", examples=["info"])
    log_format: Literal["text", "json"] = Field("text", examples=["json"])
    allow_private_networks: bool = Field(False, examples=["true"])
    """Whether addresses typed by people may lead into private networks."""
    trusted_proxies: int = Field(0, ge=0, le=10, examples=["1"])
    """How many proxies stand in front and set X-Forwarded-*; 0 ignores those headers."""
    metrics_access: Literal["off", "local", "token", "anyone"] = Field("local", examples=["token"])
    """Who may read /metrics: nobody, this machine, whoever has the token, anyone."""
    metrics_token: SecretStr = Field(SecretStr(""), examples=["(32 random characters)"])
    session_days: int = Field(14, ge=1, le=365, examples=["14"])
    """How long a login lasts without being used."""

    @field_validator("database_url")
    @classmethod
    def _name_driver(cls, value: str) -> str:
        scheme, found, rest = value.partition("://")
        if value and (not found or scheme not in ("sqlite", *POSTGRESQL)):
            raise ValueError("only sqlite:/// and postgresql:// addresses are known")
        if scheme == "sqlite" and rest in ("", "/", "/:memory:"):
            raise ValueError("it names no file, and the database would be gone with the process")
        if scheme in POSTGRESQL:
            _check_place(rest)
        return f"postgresql+psycopg://{rest}" if scheme in POSTGRESQL else value

    @field_validator("log_level", "log_format", "metrics_access", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("public_url")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        return check_public_url(value) if value else ""

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"it has fewer than {SHORTEST_SECRET} characters")
        return value

    @field_validator("encryption_keys")
    @classmethod
    def _are_keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not value:
            raise ValueError("there is no key in it")
        for place, key in enumerate(value, 1):
            _check_key(key.get_secret_value(), place)
        return value

    @model_validator(mode="after")
    def _fill_in(self) -> Self:
        if not self.database_url:
            path = self.instance_dir.absolute() / DATABASE_FILE
            object.__setattr__(self, "database_url", f"sqlite:///{path}")
        if self.metrics_access == "token" and not self.metrics_token.get_secret_value():
            raise ValueError("CALSYNC_METRICS_ACCESS is token, and CALSYNC_METRICS_TOKEN is empty")
        return self

    @property
    def key_texts(self) -> tuple[str, ...]:
        """The encryption keys in the clear, newest first."""
        return tuple(key.get_secret_value() for key in self.encryption_keys)

    @property
    def key_file(self) -> Path | None:
        """The file the encryption keys came from; None when the environment holds the keys themselves."""
        return None if self.encryption_source == env_name("encryption_keys") else Path(self.encryption_source)


def load(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> Settings:
    """Read and check every setting; what is missing from `environ` is looked up in `env_file`.

    Makes the instance folder and, where neither setting nor file exists, the secret key and the encryption
    key in it. Raises ConfigError, naming the setting, for the first value that cannot be used.
    """
    given = os.environ if environ is None else environ
    values = _named(_from_file(env_file), given)
    folder = Path(values.get("instance_dir", "instance")).absolute()
    values["instance_dir"] = str(folder)
    _make_folder(folder)
    if "secret_key" not in values:
        values["secret_key"] = _key_in(folder / SECRET_KEY_FILE, secrets.token_urlsafe(48))
    if "encryption_keys" not in values:
        values["encryption_source"] = str(folder / ENCRYPTION_KEY_FILE)
        values["encryption_keys"] = _encryption_keys(folder, values)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _as_config_error(error, values) from None


def _check_place(rest: str) -> None:
    """Raise ValueError unless host and port can be read; passwords in front of them may hold anything."""
    place = rest.rpartition("@")[2].partition("/")[0]
    try:
        _ = urlsplit(f"//{place}").port
    except ValueError as error:
        raise ValueError("its host and port cannot be read") from error


def env_name(field: str) -> str:
    """Return how a setting is called in the environment."""
    return NAMES.get(field, PREFIX + field.upper())


def misspelt(environ: Mapping[str, str], *, env_file: Path | None = Path(".env")) -> list[tuple[str, str]]:
    """Return names that begin like ours and are none, each with the one that may be meant.

    The second is "" where nothing comes near. Names of the tests are left out.
    """
    known = [env_name(field) for field in Settings.model_fields if field != "encryption_source"]
    known += [f"{env_name(field)}_FILE" for field in SECRETS]
    found = {*environ, *_from_file(env_file)}.difference(known)
    strange = sorted(name for name in found if name.startswith(PREFIX) and not name.startswith(TESTS))
    return [(name, next(iter(difflib.get_close_matches(name, known, 1)), "")) for name in strange]


def check_public_url(value: str) -> str:
    """Return an address people can type, without the slash at its end. Raises ValueError otherwise."""
    parts = urlsplit(value.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is no address that begins with https:// or http:// and names a host")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise ValueError("it must be scheme and host only, without a path")
    return f"{parts.scheme}://{parts.netloc}"


def _from_file(env_file: Path | None) -> dict[str, str]:
    if env_file is None or not env_file.is_file():
        return {}
    try:
        text = env_file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError(str(env_file), f"it cannot be read: {reason}") from error
    _check_lines(env_file, text)
    found = dotenv.dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in found.items() if value is not None}


def _check_lines(env_file: Path, text: str) -> None:
    """Raise ConfigError for a line that is no setting: passed over, it would leave a default in its place."""
    for each in dotenv.parser.parse_stream(io.StringIO(text)):
        if each.error:
            raise ConfigError(str(env_file), f"line {each.original.line} cannot be read; it should be NAME=value")


def _named(*sources: Mapping[str, str]) -> dict[str, str]:
    """Return field name -> value; later sources win, empty values count as not given."""
    values: dict[str, str] = {}
    for source in sources:
        for field in Settings.model_fields:
            found = _lookup(source, field)
            if found is not None and field != "encryption_source":
                values[field] = found
                if field == "encryption_keys":
                    values["encryption_source"] = _key_place(source)
    return values


def _lookup(source: Mapping[str, str], field: str) -> str | None:
    name = env_name(field)
    if source.get(name, "").strip():
        return source[name].strip()
    path = source.get(f"{name}_FILE", "").strip() if field in SECRETS else ""
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(f"{name}_FILE", f"{path} cannot be read: {reason}", "/run/secrets/calsync") from error


def _key_place(source: Mapping[str, str]) -> str:
    name = env_name("encryption_keys")
    return name if source.get(name, "").strip() else source[f"{name}_FILE"].strip()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        problem = f"the folder {folder} cannot be made: {error.strerror}"
        raise ConfigError(env_name("instance_dir"), problem, "/var/lib/calsync") from error


def _encryption_keys(folder: Path, values: Mapping[str, str]) -> str:
    """Return the key file's text, made new unless a database beside it says that it must have been there."""
    path = folder / ENCRYPTION_KEY_FILE
    if not path.exists() and "database_url" not in values and (folder / DATABASE_FILE).exists():
        problem = f"{path} is missing, and {folder / DATABASE_FILE} was encrypted with it; put it back"
        raise ConfigError(env_name("encryption_keys"), problem, "(the keys from your safe copy)")
    return _key_in(path, Fernet.generate_key().decode())


def _key_in(path: Path, new: str) -> str:
    try:
        return key_files.read_or_make(path, new)
    except (OSError, UnicodeDecodeError) as error:
        reason = (
            error.strerror if isinstance(error, OSError) else "it is no text; put the one from your safe copy there"
        )
        problem = f"{path} cannot be read or made: {reason}"
        raise ConfigError(env_name("instance_dir"), problem, "/var/lib/calsync") from error


def _check_key(key: str, place: int) -> None:
    try:
        Fernet(key)
    except ValueError as error:
        raise ValueError(f"key number {place} is no 32 bytes in url-safe base64") from error


def _as_config_error(error: ValidationError, values: Mapping[str, str]) -> ConfigError:
    first = error.errors(include_input=False, include_url=False)[0]
    field = str(first["loc"][0]) if first["loc"] else "metrics_token"
    problem = first["msg"].removeprefix("Value error, ").replace("Input should be", "it should be")
    if field == "encryption_keys":
        problem = f"{problem} (read from {values['encryption_source']})"
    examples = Settings.model_fields[field].examples or [""]
    return ConfigError(env_name(field), problem, str(examples[0]))


if __name__ == "__main__":
    print(Fernet.generate_key().decode())
