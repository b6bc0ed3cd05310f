"""What the process is told: where values come from, what is refused, and the key files of a first start."""

import stat
import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from calsync import config
from calsync.config import Settings
from calsync.errors import ConfigError


def load(folder: Path, **environ: str) -> Settings:
    return config.load({"CALSYNC_INSTANCE_DIR": str(folder / "instance"), **environ}, env_file=folder / ".env")


def test_a_first_start_makes_keys_that_only_their_owner_reads(tmp_path: Path) -> None:
    settings = load(tmp_path)
    files = sorted(path.name for path in settings.instance_dir.iterdir())
    assert files == ["encryption.key", "secret.key"]
    for name in files:
        assert stat.S_IMODE((settings.instance_dir / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.instance_dir.stat().st_mode) == 0o700
    assert settings.key_file == settings.instance_dir / "encryption.key"
    assert settings.database_url == f"sqlite:///{settings.instance_dir}/calsync.db"


def test_a_second_start_finds_the_same_keys(tmp_path: Path) -> None:
    assert load(tmp_path) == load(tmp_path)


def test_two_first_starts_at_once_agree_on_the_keys(tmp_path: Path) -> None:
    found: list[Settings] = []
    threads = [threading.Thread(target=lambda: found.append(load(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(s.secret_key.get_secret_value(), s.key_texts) for s in found}) == 1


def test_a_lost_key_file_is_not_replaced_beside_a_database(tmp_path: Path) -> None:
    settings = load(tmp_path)
    (settings.instance_dir / "calsync.db").touch()
    (settings.instance_dir / "encryption.key").unlink()
    with pytest.raises(ConfigError, match=r"encryption\.key is missing.*put it back"):
        load(tmp_path)
    assert not (settings.instance_dir / "encryption.key").exists()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CALSYNC_PORT=9000\nCALSYNC_THREADS='3'  # three\nexport CALSYNC_HOST=0.0.0.0\n")
    settings = load(tmp_path, CALSYNC_PORT="9001", CALSYNC_HOST="")
    assert (settings.port, settings.threads, settings.host) == (9001, 3, "0.0.0.0")


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://ada:pw@db/calsync", "postgresql+psycopg://ada:pw@db/calsync"),
        ("postgres://ada:pw@db/calsync", "postgresql+psycopg://ada:pw@db/calsync"),
        ("postgresql+psycopg://db/calsync", "postgresql+psycopg://db/calsync"),
        ("postgresql://ada:p[w/x@db:5433/calsync", "postgresql+psycopg://ada:p[w/x@db:5433/calsync"),
        ("postgresql:///calsync", "postgresql+psycopg:///calsync"),
        ("sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db"),
    ],
)
def test_database_addresses_name_their_driver(tmp_path: Path, given: str, used: str) -> None:
    assert load(tmp_path, DATABASE_URL=given).database_url == used


@pytest.mark.parametrize("name", ["CALSYNC_SECRET_KEY", "CALSYNC_METRICS_TOKEN", "DATABASE_URL"])
def test_every_secret_may_stand_in_a_file(tmp_path: Path, name: str) -> None:
    value = "sqlite:////elsewhere.db" if name == "DATABASE_URL" else "x" * 40
    (tmp_path / "file").write_text(value + "\n")
    from_file, direct = (load(tmp_path, **{n: v}) for n, v in ((f"{name}_FILE", str(tmp_path / "file")), (name, value)))
    assert from_file == direct


def test_encryption_keys_in_a_file_are_read_from_there(tmp_path: Path) -> None:
    keys = [Fernet.generate_key().decode() for _ in range(2)]
    (tmp_path / "keys").write_text("\n".join(keys))
    settings = load(tmp_path, CALSYNC_ENCRYPTION_KEYS_FILE=str(tmp_path / "keys"))
    assert settings.key_texts == tuple(keys)
    assert settings.key_file == tmp_path / "keys"
    inline = load(tmp_path, CALSYNC_ENCRYPTION_KEYS=",".join(keys))
    assert (inline.key_texts, inline.key_file) == (tuple(keys), None)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("CALSYNC_PORT", "80a", "valid integer"),
        ("CALSYNC_PORT", "70000", "less than or equal to 65535"),
        ("CALSYNC_THREADS", "0", "greater than or equal to 1"),
        ("CALSYNC_LOG_LEVEL", "loud", "'debug', 'info'"),
        ("CALSYNC_PUBLIC_URL", "calendar.example.com", "begins with https"),
        ("CALSYNC_PUBLIC_URL", "https://example.com/calendar", "without a path"),
        ("CALSYNC_SECRET_KEY", "short", "fewer than 32"),
        ("CALSYNC_ENCRYPTION_KEYS", "not a key", "key number 1"),
        ("CALSYNC_TRUSTED_PROXIES", "-1", "greater than or equal to 0"),
        ("CALSYNC_ALLOW_PRIVATE_NETWORKS", "perhaps", "valid boolean"),
        ("CALSYNC_SESSION_DAYS", "400", "less than or equal to 365"),
        ("CALSYNC_METRICS_ACCESS", "friends", "'off', 'local'"),
        ("DATABASE_URL", "mysql://x", "only sqlite"),
        ("DATABASE_URL", "calsync.db", "only sqlite"),
        ("DATABASE_URL", "sqlite+other:///x.db", "only sqlite"),
        ("DATABASE_URL", "postgresql+psycopg2://db/calsync", "only sqlite"),
        ("DATABASE_URL", "postgresql://ada:pw@db:port/calsync", "host and port"),
        ("DATABASE_URL", "postgresql://[db/calsync", "host and port"),
        ("DATABASE_URL", "sqlite://", "names no file"),
        ("DATABASE_URL", "sqlite:///:memory:", "names no file"),
    ],
)
def test_a_bad_value_is_named_with_its_problem_and_an_example(
    tmp_path: Path, name: str, value: str, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        load(tmp_path, **{name: value})
    assert caught.value.setting == name
    assert f"Example: {name}=" in str(caught.value)


def test_a_secret_s_value_is_never_in_the_message(tmp_path: Path) -> None:
    for name in ("CALSYNC_SECRET_KEY", "CALSYNC_ENCRYPTION_KEYS", "DATABASE_URL"):
        with pytest.raises(ConfigError) as caught:
            load(tmp_path, **{name: "hunter2://x"})
        assert "hunter2" not in str(caught.value)
        assert caught.value.__suppress_context__


def test_no_secret_is_in_the_repr(tmp_path: Path) -> None:
    settings = load(tmp_path, DATABASE_URL="postgresql://ada:hunter2@db/calsync")
    text = repr(settings)
    assert "hunter2" not in text
    assert settings.secret_key.get_secret_value() not in text
    assert settings.key_texts[0] not in text


def test_a_token_is_needed_where_one_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CALSYNC_METRICS_TOKEN is empty"):
        load(tmp_path, CALSYNC_METRICS_ACCESS="token")
    load(tmp_path, CALSYNC_METRICS_ACCESS="token", CALSYNC_METRICS_TOKEN="x")


def test_a_secret_s_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"/nowhere/key cannot be read: No such file") as caught:
        load(tmp_path, CALSYNC_SECRET_KEY_FILE="/nowhere/key")
    assert caught.value.setting == "CALSYNC_SECRET_KEY_FILE"


def test_an_instance_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made") as caught:
        load(tmp_path, CALSYNC_INSTANCE_DIR=str(tmp_path / "file" / "instance"))
    assert caught.value.setting == "CALSYNC_INSTANCE_DIR"


@given(st.text(max_size=40))
def test_a_public_url_is_an_origin_or_refused(text: str) -> None:
    try:
        checked = config.check_public_url(text)
    except ValueError:
        return
    assert checked.startswith(("http://", "https://"))
    assert config.check_public_url(checked) == checked


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"CALSYNC_PORT=\xff\xfe", "it is no UTF-8 text"),
        (b"CALSYNC_PORT=8000\nnonsense line here\n", "line 2 cannot be read"),
        (b"=x\n", "line 1 cannot be read"),
        (b"CALSYNC_PORT='8000\n", "line 1 cannot be read"),
    ],
)
def test_a_file_of_settings_that_cannot_be_read_stops_the_start(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / ".env"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        config.load({"CALSYNC_INSTANCE_DIR": str(tmp_path / "instance")}, env_file=file)
    assert str(file) in str(raised.value)
    assert said in str(raised.value)
    assert not (tmp_path / "instance").exists()


def test_a_file_of_settings_may_begin_with_a_mark(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"\xef\xbb\xbfCALSYNC_PORT=8123\n# a note\n\nexport CALSYNC_THREADS=3\n")
    settings = config.load({"CALSYNC_INSTANCE_DIR": str(tmp_path)}, env_file=file)
    assert (settings.port, settings.threads) == (8123, 3)


@pytest.mark.parametrize(
    ("content", "said"), [(b"\n", "there is no key"), (b"\xff", "is no text"), (b"abc", "no 32 bytes")]
)
def test_a_key_file_that_holds_no_key_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    settings = load(tmp_path)
    file = settings.instance_dir / "encryption.key"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as raised:
        load(tmp_path)
    assert str(file) in str(raised.value)
