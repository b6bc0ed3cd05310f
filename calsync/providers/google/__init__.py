"""Google Calendar: the API's JSON to events and back, the client, and how people sign in."""
