"""Zoom: meetings at its API, and how people sign in. It has no calendar: what we make goes there and nothing comes."""
