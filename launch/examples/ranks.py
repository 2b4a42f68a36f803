"""The same network on one process and on many: every process gives the same arrays and keeps its share of them.

    mpirun -n 2 python launch/examples/ranks.py
"""

import numpy
import sibp

random = numpy.random.default_rng(1)
centres = random.integers(0, 256, (10, 64))
y = random.integers(0, 10, 5000)
x = numpy.clip(centres[y] + random.normal(0, 60, (5000, 64)), 0, 255).astype(numpy.uint8)

run = sibp.train(x, y, hidden="50", steps=100)
right = (run.predict(x) == y).mean()  # each process by itself
print(f"process {sibp.rank()} of {sibp.size()}: {100 * right:.1f} % of the samples are classified rightly")
if sibp.rank() == 0:
    print(run.summary)
