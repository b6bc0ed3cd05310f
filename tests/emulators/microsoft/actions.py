"""What one does with a meeting: cancel, answer, forward, reminders, moving along (contract A4.1, A4.5)."""

from __future__ import annotations

from tests.emulators.microsoft import access, errors, guests, mail, writing
from tests.emulators.microsoft.access import Call
from tests.emulators.microsoft.wire import Reply


def cancel(call: Call) -> Reply:
    """Call a meeting off, with a comment. Only who organizes it may."""
    item = access.get_item(call, writes=True)
    if item.event.response[0] != "organizer":
        message = "Your request can't be completed. You need to be an organizer to cancel a meeting."
        raise errors.bad(message)
    writing.remove(call.world, item, str(call.body.get("comment") or call.body.get("Comment") or ""))
    return Reply(202)


def accept(call: Call) -> Reply:
    return _answer(call, "accepted")


def tentatively_accept(call: Call) -> Reply:
    return _answer(call, "tentativelyAccepted")


def decline(call: Call) -> Reply:
    """Decline, which takes the event out of the guest's calendar."""
    return _answer(call, "declined")


def _answer(call: Call, response: str) -> Reply:
    """Answer an invitation; the organizer is mailed unless `sendResponse` says not to."""
    item = access.get_item(call, writes=True)
    if item.event.response[0] == "organizer":
        message = "Your request can't be completed. You can't respond to this meeting because you're the organizer."
        raise errors.bad(message)
    sends = call.body.get("sendResponse", True)
    if not isinstance(sends, bool):
        raise errors.bad("The property 'sendResponse' must be a boolean.", "RequestBodyRead")
    comment = str(call.body.get("comment") or "")
    guests.answer(call.world, item.event, call.user, response, sends=sends, comment=comment)
    if response == "declined":
        item.event.is_deleted = True
        call.world.save(item.event, "deleted", touches=False)
    return Reply(202)


def forward(call: Call) -> Reply:
    item = access.get_item(call)
    to = [one["emailAddress"]["address"] for one in call.body.get("toRecipients", [])]
    mail.send(call.world, "forward", item.event, to, str(call.body.get("comment") or ""))
    return Reply(202)


def dismiss_reminder(call: Call) -> Reply:
    access.get_item(call)
    return Reply(200)


def permanent_delete(call: Call) -> Reply:
    item = access.get_item(call, writes=True)
    writing.remove(call.world, item)
    return Reply(204)
