"""Signing in at a provider, from the services: credentials, attempts, and what an admin sets for everybody."""
