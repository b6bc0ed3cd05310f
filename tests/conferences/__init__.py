"""Meetings at providers that host them, from the services: made once, moved, deleted, told about, repaired."""
