"""Forms about meetings: how an account wants those that it hosts, and the secret with which a provider signs."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import IntegerField, PasswordField, SelectField
from wtforms.validators import Length
from wtforms.widgets import HiddenInput

from calsync.services.meeting_settings import RECORDINGS, MeetingSettings
from webapp.forms.fields import Email, choices, trimmed

_USUAL = ("", "As the host has set it there")
_YES_NO = choices((_USUAL, ("yes", "Yes"), ("no", "No")))
_RECORDED = {"none": "Not at all", "cloud": "In the provider’s cloud", "local": "On the host’s computer"}
_FLAGS = {"yes": True, "no": False}


class MeetingSettingsForm(FlaskForm):
    """Each may be left to the host's own settings at the provider, which an administrator there can lock."""

    waiting_room = SelectField("Waiting room", choices=_YES_NO, description="People wait until the host lets them in.")
    join_before_host = SelectField(
        "Join before the host", choices=_YES_NO, description="Not possible together with a waiting room."
    )
    mute_upon_entry = SelectField("Muted upon entry", choices=_YES_NO)
    recording = SelectField(
        "Automatic recording",
        choices=choices((_USUAL, *((value, _RECORDED[value]) for value in RECORDINGS))),
        description="Recording in the cloud needs a paid plan there.",
    )
    version = IntegerField(widget=HiddenInput())

    def fill(self, known: MeetingSettings, version: int) -> None:
        """Show what is stored."""
        for name in ("waiting_room", "join_before_host", "mute_upon_entry"):
            self[name].data = {True: "yes", False: "no"}.get(getattr(known, name), "")
        self.recording.data, self.version.data = known.recording or "", version

    @property
    def settings(self) -> MeetingSettings:
        """What was chosen."""
        return MeetingSettings(
            join_before_host=_FLAGS.get(self.join_before_host.data),
            mute_upon_entry=_FLAGS.get(self.mute_upon_entry.data),
            waiting_room=_FLAGS.get(self.waiting_room.data),
            recording=self.recording.data or None,
        )


class JoinForm(FlaskForm):
    address = Email("Address there", description="Admins may connect anybody of that account, others themselves.")


class HookSecretForm(FlaskForm):
    secret = PasswordField("Secret Token", [Length(max=200)], filters=[trimmed])
    hook_version = IntegerField(widget=HiddenInput())
