"""Three-way merge of Content: each side against its own snapshot, field by field.

A field changed on a side when it differs from what that side held at the last agreement. The two snapshots may differ
from each other (what a provider normalises, what we hide), so nothing is ever compared across sides except two changed
values. Attendees, responses, reminders and EXDATEs are merged per element.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from calsync.engine.event import FIELDS, Content

SET_FIELDS = frozenset({"attendees", "responses", "reminders", "exdates"})

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Clash:
    """One field changed on both sides to different values. `agreed` is the value of the local snapshot."""

    agreed: Any
    local: Any
    remote: Any


@dataclass(frozen=True, slots=True)
class Merge:
    """What each side must take over from the other, and where that is impossible.

    `inward` and `outward` map a merge unit to the value that the local or remote side shall get; neither holds a
    clashing field. `is_mixed` says that both sides changed something and both changes stand.
    """

    inward: Content = field(default_factory=dict)
    outward: Content = field(default_factory=dict)
    clashes: dict[str, Clash] = field(default_factory=dict)
    local_changed: frozenset[str] = frozenset()
    remote_changed: frozenset[str] = frozenset()

    @property
    def is_mixed(self) -> bool:
        return bool(self.inward and self.outward)


def merge(
    *,
    agreed_local: Content,
    local: Content,
    agreed_remote: Content,
    remote: Content,
    hidden: frozenset[str] = frozenset(),
    project: Callable[[Content], Content] = dict,
    per_field: bool = True,
) -> Merge:
    """Merge one pair.

    `hidden` fields are write-only: what the remote side holds in them is never read. `project` turns local content
    into what is written out; a local change counts when its projection changed. With `per_field` False the whole
    record is one field: any change on both sides makes every changed field a clash.
    """
    shown, shown_before = project(local), project(agreed_local)
    local_changed = frozenset(f for f in FIELDS if shown.get(f) != shown_before.get(f))
    remote_changed = frozenset(f for f in FIELDS if remote.get(f) != agreed_remote.get(f)) - hidden
    if not per_field and local_changed and remote_changed:
        return _whole(agreed_local, local, remote, local_changed, remote_changed)
    inward: Content = {}
    outward: Content = {}
    clashes: dict[str, Clash] = {}
    for name in FIELDS:
        if name in local_changed and name in remote_changed:
            _merge_both(name, agreed_local, local, agreed_remote, remote, shown, inward, outward, clashes)
        elif name in local_changed:
            if shown[name] != remote.get(name) or name in hidden:
                outward[name] = _outward(name, agreed_local, local, remote, shown)
        elif name in remote_changed and local.get(name) != remote.get(name):
            inward[name] = _inward(name, agreed_remote, remote, local)
    return Merge(_different(inward, local), outward, clashes, local_changed, remote_changed)


def followed(name: str, agreed_local: Any, agreed_remote: Any, remote: Any, local: Any) -> Any:
    """Return the local snapshot of a field once the remote change has come in and `local` is what the activity holds.

    What we added to a set or took out of it is not agreed by that: it has yet to go out.
    """
    if name not in SET_FIELDS:
        return local
    return _apply(name, agreed_local, _delta(name, agreed_remote, remote))


def _different(values: Content, held: Content) -> Content:
    return {name: value for name, value in values.items() if value != held.get(name)}


def _whole(
    agreed: Content,
    local: Content,
    remote: Content,
    local_changed: frozenset[str],
    remote_changed: frozenset[str],
) -> Merge:
    differing = {f for f in local_changed | remote_changed if not _agree(f, local.get(f), remote.get(f))}
    clashes = {f: Clash(agreed.get(f), local.get(f), remote.get(f)) for f in FIELDS if f in differing}
    return Merge({}, {}, clashes, local_changed, remote_changed)


def _merge_both(
    name: str,
    agreed_local: Content,
    local: Content,
    agreed_remote: Content,
    remote: Content,
    shown: Content,
    inward: Content,
    outward: Content,
    clashes: dict[str, Clash],
) -> None:
    ours, theirs = local.get(name), remote.get(name)
    if _agree(name, ours, theirs):
        return
    if name not in SET_FIELDS:
        clashes[name] = Clash(agreed_local.get(name), ours, theirs)
        return
    merged_local, merged_remote = (
        _apply(name, ours, _delta(name, agreed_remote.get(name), theirs)),
        _apply(name, theirs, _delta(name, agreed_local.get(name), ours)),
    )
    if _contradict(_delta(name, agreed_local.get(name), ours), _delta(name, agreed_remote.get(name), theirs)):
        clashes[name] = Clash(agreed_local.get(name), ours, theirs)
        return
    if merged_local != ours:
        inward[name] = merged_local
    if merged_remote != theirs:
        outward[name] = merged_remote


def _agree(name: str, ours: Any, theirs: Any) -> bool:
    """Whether two values mean the same. Where times are the same, no person has to choose how a zone is called."""
    if ours == theirs or name != "time" or not (ours and theirs):
        return bool(ours == theirs)
    return _zones_agree(ours, theirs) and ours | {"tz": None} == theirs | {"tz": None}


def _zones_agree(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """A time without a zone is one in UTC; in a single event any zone can stand beside that."""
    zones = {time["tz"] or "UTC" for time in (ours, theirs)}
    repeats = ours["rrule"] or ours["rdates"]
    return len(zones) == 1 or ("UTC" in zones and not repeats)


def _outward(name: str, agreed_local: Content, local: Content, remote: Content, shown: Content) -> Any:
    """A local change of a set keeps elements that only the remote side has."""
    if name not in SET_FIELDS or shown[name] != local.get(name):
        return shown[name]
    return _apply(name, remote.get(name), _delta(name, agreed_local.get(name), local.get(name)))


def _inward(name: str, agreed_remote: Content, remote: Content, local: Content) -> Any:
    if name not in SET_FIELDS:
        return remote.get(name)
    return _apply(name, local.get(name), _delta(name, agreed_remote.get(name), remote.get(name)))


Delta = Mapping[str, Any]
"""Element key -> its new value, or _MISSING when it was removed."""


def _elements(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    return {json.dumps(element): element for element in value or ()}


def _delta(name: str, before: Any, after: Any) -> Delta:
    old, new = _elements(name, before), _elements(name, after)
    changed = {key: value for key, value in new.items() if old.get(key, _MISSING) != value}
    return changed | {key: _MISSING for key in old if key not in new}


def _apply(name: str, value: Any, delta: Delta) -> Any:
    merged = _elements(name, value) | {k: v for k, v in delta.items() if v is not _MISSING}
    kept = {k: v for k, v in merged.items() if delta.get(k) is not _MISSING}
    if name in ("attendees", "responses"):
        return kept
    return sorted(kept.values())


def _contradict(ours: Delta, theirs: Delta) -> bool:
    return any(ours[key] != theirs[key] for key in ours.keys() & theirs.keys())
