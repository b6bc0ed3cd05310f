"""Sealed values open with their key only, and follow the keys when those are rotated."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync import key_files
from calsync.store.secrets import Secrets, WrongKey, from_settings, make_key
from tests.factories import KEY, make_settings

BOX = Secrets([KEY])


@given(st.text())
def test_what_is_sealed_comes_back(text: str) -> None:
    assert BOX.unseal(BOX.seal(text)) == text


def test_a_sealed_value_shows_nothing_and_is_never_the_same_twice() -> None:
    first, second = BOX.seal("hunter2"), BOX.seal("hunter2")
    assert b"hunter2" not in first
    assert first != second


def test_another_key_is_refused_naming_where_the_right_one_belongs() -> None:
    with pytest.raises(WrongKey, match=r"/etc/calsync/encryption\.key does not fit"):
        Secrets([make_key()], "/etc/calsync/encryption.key").unseal(BOX.seal("x"))


def test_a_changed_value_is_refused() -> None:
    sealed = bytearray(BOX.seal("hunter2"))
    sealed[20] ^= 1
    with pytest.raises(WrongKey):
        BOX.unseal(bytes(sealed))


def test_older_keys_still_open_and_the_newest_seals() -> None:
    new = make_key()
    both = Secrets([new, KEY])
    assert both.unseal(BOX.seal("x")) == "x"
    assert Secrets([new]).unseal(both.seal("x")) == "x"
    assert Secrets([new]).unseal(both.rotate(BOX.seal("x"))) == "x"


def test_keys_rotated_by_another_process_are_picked_up(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    key_files.write(path, (KEY,))
    box = from_settings(make_settings(tmp_path, encryption_source=str(path)))
    new = make_key()
    key_files.write(path, (new, KEY))
    assert box.unseal(Secrets([new]).seal("x")) == "x"
    assert Secrets([new]).unseal(box.seal("x")) == "x"
    with pytest.raises(WrongKey):
        box.unseal(Secrets([make_key()]).seal("x"))


def test_another_process_seals_with_the_new_key_at_once(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    key_files.write(path, (KEY,))
    box = from_settings(make_settings(tmp_path, encryption_source=str(path)))
    box.seal("x")
    new = make_key()
    key_files.write(path, (new, KEY))
    assert Secrets([new]).unseal(box.seal("x")) == "x"


def test_its_repr_shows_no_key() -> None:
    assert KEY not in repr(BOX)
