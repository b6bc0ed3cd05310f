"""What an admin does in Google's console, step by step, and what the program sees of each by itself."""

from __future__ import annotations

from calsync.providers.registration import Proof, SetupStep

CONSOLE = "https://console.cloud.google.com"

STEPS = (
    SetupStep(
        "Choose a project",
        "Create one, or use one of yours. Credentials and calendar access belong to it.",
        f"{CONSOLE}/projectcreate",
        Proof.SAVED,
    ),
    SetupStep(
        "Enable the Google Calendar API",
        "In the same project. Without it signing in works and every request fails.",
        f"{CONSOLE}/apis/library/calendar-json.googleapis.com",
        Proof.ANSWER,
    ),
    SetupStep(
        "Fill in the consent screen",
        "The app’s name, which people read when they connect, and an address for support.",
        f"{CONSOLE}/auth/branding",
        Proof.SIGN_IN,
    ),
    SetupStep(
        "Choose who may sign in, for how long",
        "Internal for your own Workspace only; External for everybody else. While an External app is in Testing, "
        "Google ends every authorisation after 7 days. Publishing ends that.",
        f"{CONSOLE}/auth/audience",
        Proof.LASTING,
    ),
    SetupStep(
        "Add test users",
        "Only while an External app is in Testing: each person who is to connect, by their Google address.",
        f"{CONSOLE}/auth/audience",
    ),
    SetupStep(
        "Create an OAuth client",
        "Of the type Web application. Desktop and service account credentials do not work here.",
        f"{CONSOLE}/auth/clients/create",
        Proof.ACCEPTED,
    ),
    SetupStep(
        "Add the Redirect URI",
        "Under Authorised redirect URIs, exactly as it stands in the box above.",
        f"{CONSOLE}/auth/clients",
        Proof.REDIRECT,
    ),
    SetupStep(
        "Download the JSON",
        "Google shows the secret once, when the client is made. Then import the file here and save.",
        proof=Proof.SAVED,
    ),
    SetupStep(
        "Connect a first account",
        "Your own is a good one. It proves everything above.",
        proof=Proof.SIGN_IN,
    ),
    SetupStep(
        "Let Google reach this server",
        "Optional: with a public https address, changes arrive within seconds instead of with the next poll.",
        proof=Proof.NOTICE,
    ),
)

LASTING = SetupStep(
    "Publish the app",
    "Most often the consent screen is External and in Testing: Google then ends every permission after 7 days. Publish "
    "the app, or make it Internal if everybody is of your own Workspace. Then each person reconnects once more.",
    f"{CONSOLE}/auth/audience",
)
