"""A scene is built once, and nobody sees what another test did to it."""

from pathlib import Path

import sqlalchemy as sa

from calsync.runtime import Runtime
from calsync.store import tables as t
from tests import factories, scenes


def names(rt: Runtime) -> list[str]:
    with rt.reading() as session:
        return list(session.scalars(sa.select(t.User.name).order_by(t.User.id)))


def opened(folder: Path) -> Runtime:
    return factories.make_runtime(folder, template=scenes.scene(factories.make_cast).database)


def test_rows_and_objects_belong_together(tmp_path: Path) -> None:
    rt = opened(tmp_path)
    cast = scenes.scene(factories.make_cast).made()
    with rt.writing() as session:
        session.merge(cast.eli).name = "Elias"
    assert names(rt) == ["Ada", "Elias", "Vic", "Sam"]
    rt.db.close()


def test_what_one_test_changes_no_other_sees(tmp_path: Path) -> None:
    first, second = opened(tmp_path / "first"), opened(tmp_path / "second")
    cast = scenes.scene(factories.make_cast).made()
    cast.ada.name = "Changed"
    with first.writing() as session:
        session.delete(session.get_one(t.User, cast.sam.id))
    assert names(first) == ["Ada", "Eli", "Vic"]
    third = opened(tmp_path / "third")
    assert names(second) == names(third) == ["Ada", "Eli", "Vic", "Sam"]
    assert scenes.scene(factories.make_cast).made().ada.name == "Ada"
    for rt in (first, second, third):
        rt.db.close()
