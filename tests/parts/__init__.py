"""The real things that tests talk to: calendar servers, PostgreSQL, a mail sink, a browser, a faulty network.

Each module starts one of them on a free port, proves that the listener is its own child, and ends it
afterwards. What only pretends to be a provider lives in `tests/emulators`.
"""
