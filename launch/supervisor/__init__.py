"""Starts a program on its ranks under mpirun or srun, ends it if it hangs at the start, passes signals on in a form that
launchers let through, keeps each rank's output, and starts again from the last checkpoint.

Uses nothing but Python's standard library, 3.9 or newer; trackers (launch/tracking) use their own packages, each in a
process of its own."""
