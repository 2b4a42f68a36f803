"""Checks sibp_dist on one GPU within eight minutes, or three: launch/gpu_check.sh.

The parts stand in parts.py, one line each. A part is a function that is given a Context and reports findings; it runs in a
process of its own, which is ended when its time is over, and what it has reported by then counts. Python's standard library
is all that is needed."""
