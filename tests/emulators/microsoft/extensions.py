"""Open extensions of events (contract A7.2)."""

from __future__ import annotations

from tests.emulators.microsoft import access, errors
from tests.emulators.microsoft.access import Call
from tests.emulators.microsoft.model import Resource
from tests.emulators.microsoft.wire import Reply

TYPE = "microsoft.graph.openTypeExtension"
PREFIX = "Microsoft.OutlookServices.OpenTypeExtension."


def of(body: Resource) -> dict[str, Resource]:
    """Return the extensions of an event's body by name."""
    sent = body.get("extensions") or []
    if not isinstance(sent, list):
        raise errors.bad("The property 'extensions' must be a list.", "RequestBodyRead")
    return dict(_read(one) for one in sent)


def _read(sent: Resource) -> tuple[str, Resource]:
    name = sent.get("extensionName")
    if not isinstance(name, str) or not name:
        raise errors.bad_property("An open extension needs an extensionName.")
    own = {key: value for key, value in sent.items() if not key.startswith("@")}
    return name, {"@odata.type": f"#{TYPE}", "id": PREFIX + name, **own}


def create(call: Call) -> Reply:
    item = access.get_item(call, writes=True)
    name, extension = _read(call.body)
    item.event.extensions[name] = extension
    call.world.save(item.event)
    return Reply(201, extension)


def get(call: Call) -> Resource:
    name = call.path.pop().removeprefix(PREFIX)
    item = access.get_item(call)
    if name not in item.event.extensions:
        raise errors.not_found("ErrorItemNotFound", "The specified extension was not found.")
    return item.event.extensions[name]
