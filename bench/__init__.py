"""Measurements, run by `make bench` and never by the tests. What they found stands in docs/performance.md."""
