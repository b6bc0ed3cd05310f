"""The simulator: both sides edited at random, every boundary of a run interrupted, and then: is everything there?

`world.py` is what runs, `process.py` one run that may be killed, `ledger.py` what was done and must come out,
`people.py` and `crm.py` what persons do on either side. `stage.py` plays it, the `..._rules.py` say what may happen,
`machine.py` leaves it to chance and `chance.py` to chance with a purpose. `healing.py` is the way back to quiet,
`invariants.py` and `run_checks.py` the judgement. `google_world.py` plays the same on the real client of Google, with
`google_side.py` for its people and `google_wire.py` for what can go wrong on the way to the emulator. `stories.py`
keeps what was found, after the short ones of `probes.py`; `shorten.py` makes it short.
"""
