"""The simulator: both sides edited at random, every boundary of a run interrupted, and then: is everything there?

`world.py` is what runs, `process.py` one run that may be killed, `ledger.py` what was done to it, `actions.py` what
people do, `machine.py` chance, `healing.py` the way back to quiet, `invariants.py` the judgement.
"""
