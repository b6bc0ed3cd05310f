"""Tests of the whole product; a package so that emulators can be started with `python -m`."""
