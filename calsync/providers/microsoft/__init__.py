"""Microsoft 365 and Outlook.com: Graph's JSON to events and back, the client, and how people sign in."""
