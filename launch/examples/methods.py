"""Compares methods on the same data: steps to a training loss, as a table.

    python launch/examples/methods.py
"""

import numpy
import pandas
import sibp

random = numpy.random.default_rng(2)
centres = random.integers(0, 256, (10, 8, 8, 3))
y = random.integers(0, 10, 3000)
x = numpy.clip(centres[y] + random.normal(0, 100, (3000, 8, 8, 3)), 0, 255).astype(numpy.uint8)

losses = {}
for method, options in {"sibp": {}, "sgd": {"lr": 0.05}, "adam": {"lr": 0.001}}.items():
    run = sibp.train(x, y, network="conv(8,3) relu maxpool(2) dense(10)", method=method, steps=60, log_every=10, **options)
    losses[method] = run.metrics().query("not final").set_index("step").train_loss
print(pandas.DataFrame(losses))
