"""CalDAV: discovery, the client, and a codec that edits iCalendar text in place."""
