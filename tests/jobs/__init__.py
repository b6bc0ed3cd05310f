"""The pool, the clock, and what their jobs do."""
