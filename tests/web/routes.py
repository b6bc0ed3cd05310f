"""Who may do what, as one table: every route of the application has a line here, or `test_permissions.py` fails.

A line is Route(endpoint, method, path, verdicts). The path may name rows of the world that the test builds, all of
which belong to Eli: {account} {calendar} {activity} {run} {conflict} {step} {notice}, the people {ada} {eli} {vic}
{sam}, and {login} (one of Eli's).

Verdicts are for, in this order: anonymous, Vic (client, a stranger to the rows), Sam (staff, a stranger), Eli (staff,
whose rows they are), Ada (admin).
"""

from dataclasses import dataclass

OK = "ok"  # let in: any answer but those below
LOGIN = "login"  # sent to the login page
NO = "403"
HIDDEN = "404"

EVERYONE = (OK, OK, OK, OK, OK)
SIGNED_IN = (LOGIN, OK, OK, OK, OK)
ADMINS = (LOGIN, NO, NO, NO, OK)
TEAM = (LOGIN, NO, OK, OK, OK)
OWN = (LOGIN, HIDDEN, HIDDEN, OK, OK)  # rows of an account: its owner and admins
OWN_ONLY = (LOGIN, HIDDEN, HIDDEN, OK, HIDDEN)
TEAM_SEES = (LOGIN, HIDDEN, OK, OK, OK)  # activities: staff see everyone's
CONNECTS = (LOGIN, NO, OK, OK, OK)  # what clients may do only when an admin allows it; off in the test


@dataclass(frozen=True)
class Route:
    endpoint: str
    method: str
    path: str
    verdicts: tuple[str, str, str, str, str]

    def __str__(self) -> str:
        return f"{self.endpoint}-{self.method}"


ROUTES = (
    # frame
    Route("static", "GET", "/static/calsync.css", EVERYONE),
    Route("brand.style", "GET", "/brand/style.css", EVERYONE),
    Route("brand.icon", "GET", "/brand/icon.svg", EVERYONE),
    Route("brand.logo", "GET", "/brand/logo", (HIDDEN,) * 5),  # there is no logo
    Route("home.index", "GET", "/", SIGNED_IN),
    Route("theme.choose", "POST", "/theme", SIGNED_IN),
    Route("help.index", "GET", "/help/", SIGNED_IN),
    Route("search.index", "GET", "/search?q=kick", SIGNED_IN),
    Route("notices.index", "GET", "/notices/", SIGNED_IN),
    Route("notices.seen", "POST", "/notices/{notice}/seen", OWN_ONLY),
    Route("notices.seen_all", "POST", "/notices/seen", SIGNED_IN),
    Route("notices.reconnect", "GET", "/notices/reconnect", ADMINS),
    Route("notices.ask", "POST", "/notices/reconnect", ADMINS),
    # mail
    Route("mail.index", "GET", "/mail/", ADMINS),
    Route("mail.save_server", "POST", "/mail/server", ADMINS),
    Route("mail.test", "POST", "/mail/test", ADMINS),
    Route("mail.again", "POST", "/mail/again", ADMINS),
    Route("mail.save_digest", "POST", "/mail/digest", ADMINS),
    # health
    Route("health.healthz", "GET", "/healthz", EVERYONE),
    Route("health.readyz", "GET", "/readyz", (OK, OK, OK, OK, OK)),
    Route("health.prometheus", "GET", "/metrics", EVERYONE),  # this machine; see test_health.py
    # signing in
    Route("login.form", "GET", "/login", EVERYONE),
    Route("login.form", "POST", "/login", EVERYONE),
    Route("login.code", "GET", "/login/code", (LOGIN, LOGIN, LOGIN, LOGIN, LOGIN)),  # nothing to confirm
    Route("login.code", "POST", "/login/code", (LOGIN, LOGIN, LOGIN, LOGIN, LOGIN)),
    Route("login.logout", "POST", "/logout", (LOGIN, LOGIN, LOGIN, LOGIN, LOGIN)),
    Route("login.invite", "GET", "/invite/unknown", EVERYONE),  # answers 409: a bad link
    Route("login.invite", "POST", "/invite/unknown", EVERYONE),
    # set-up
    Route("setup.admin", "GET", "/setup/", EVERYONE),  # done: leads home
    Route("setup.admin", "POST", "/setup/", EVERYONE),
    Route("setup.look", "GET", "/setup/organisation", ADMINS),
    Route("setup.look", "POST", "/setup/organisation", ADMINS),
    Route("setup.place", "GET", "/setup/address", ADMINS),
    Route("setup.place", "POST", "/setup/address", ADMINS),
    # organisation
    Route("organisation.edit", "GET", "/organisation/", ADMINS),
    Route("organisation.save_look", "POST", "/organisation/look", ADMINS),
    Route("organisation.save_place", "POST", "/organisation/address", ADMINS),
    Route("organisation.pause_writes", "POST", "/organisation/pause-writes", ADMINS),
    Route("organisation.resume_writes", "POST", "/organisation/resume-writes", ADMINS),
    # people
    Route("people.index", "GET", "/people/", ADMINS),
    Route("people.switches", "POST", "/people/switches", ADMINS),
    Route("people.invite", "GET", "/people/invite", ADMINS),
    Route("people.invite", "POST", "/people/invite", ADMINS),
    Route("people.show", "GET", "/people/{eli}", ADMINS),
    Route("people.role", "POST", "/people/{eli}/role", ADMINS),
    Route("people.link", "POST", "/people/{eli}/link", ADMINS),
    Route("people.disable", "POST", "/people/{eli}/disable", ADMINS),
    Route("people.enable", "POST", "/people/{eli}/enable", ADMINS),
    Route("people.log_out", "POST", "/people/{eli}/log-out", ADMINS),
    Route("people.remove_factor", "POST", "/people/{eli}/remove-second-factor", ADMINS),
    Route("people.give", "POST", "/people/{eli}/hand-over", ADMINS),
    # profile
    Route("profile.index", "GET", "/profile/", SIGNED_IN),
    Route("profile.index", "POST", "/profile/", SIGNED_IN),
    Route("profile.password", "GET", "/profile/password", SIGNED_IN),
    Route("profile.password", "POST", "/profile/password", SIGNED_IN),
    Route("profile.factor", "GET", "/profile/second-factor", SIGNED_IN),
    Route("profile.begin_factor", "POST", "/profile/second-factor/begin", SIGNED_IN),
    Route("profile.enable_factor", "POST", "/profile/second-factor/enable", SIGNED_IN),
    Route("profile.renew_codes", "POST", "/profile/second-factor/codes", SIGNED_IN),
    Route("profile.remove_factor", "POST", "/profile/second-factor/remove", SIGNED_IN),
    Route("profile.active_logins", "GET", "/profile/logins", SIGNED_IN),
    Route("profile.end_login", "POST", "/profile/logins/{login}/end", OWN),
    Route("profile.end_all_logins", "POST", "/profile/logins/end-all", (LOGIN,) * 5),  # afterwards nobody is
    Route("profile.notices", "GET", "/profile/notices", SIGNED_IN),
    Route("profile.notices", "POST", "/profile/notices", SIGNED_IN),
    # overview
    Route("overview.index", "GET", "/overview/", SIGNED_IN),
    # sync history
    Route("history.index", "GET", "/history/", SIGNED_IN),
    Route("history.export_csv", "GET", "/history/export.csv", SIGNED_IN),
    Route("history.export_json", "GET", "/history/export.json", SIGNED_IN),
    Route("history.show", "GET", "/history/{run}", OWN),
    Route("history.records_csv", "GET", "/history/{run}/records.csv", OWN),
    Route("history.records_json", "GET", "/history/{run}/records.json", OWN),
    Route("history.retry_run", "POST", "/history/{run}/retry", OWN),
    Route("history.approve", "POST", "/history/{run}/approve", ADMINS),
    Route("history.discard", "POST", "/history/{run}/discard", ADMINS),
    # conflicts
    Route("conflicts.index", "GET", "/conflicts/", SIGNED_IN),
    Route("conflicts.show", "GET", "/conflicts/{conflict}", OWN),
    Route("conflicts.resolve", "POST", "/conflicts/{conflict}", OWN),
    # sync settings
    Route("settings.index", "GET", "/settings/", ADMINS),
    Route("settings.edit", "GET", "/settings/general", ADMINS),
    Route("settings.edit", "POST", "/settings/general", ADMINS),
    Route("settings.sentence", "POST", "/settings/general/sentence", ADMINS),
    Route("settings.preview", "GET", "/settings/preview", ADMINS),
    Route("settings.apply", "POST", "/settings/preview/apply", ADMINS),
    Route("settings.drop", "POST", "/settings/preview/drop", ADMINS),
    # audit log
    Route("audit.index", "GET", "/audit/", ADMINS),
    Route("audit.export", "GET", "/audit/export.csv", ADMINS),
    Route("audit.check", "GET", "/audit/check", ADMINS),
)
