"""Mutants: wrong engines, each wrong in one way, that the simulator has to notice.

`engines.py` has them as patches and `orders.py` those that do not obey; `run.py` sets one loose in a process of its
own, `test_mutants.py` sees them all die. What kills one must be an invariant of the simulator, in stories that the
true engine survives.
"""
