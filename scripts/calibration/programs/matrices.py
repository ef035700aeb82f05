"""Products of matrices with numpy, in as many threads as its BLAS takes."""

import numpy

a = numpy.random.default_rng(7).random((384, 384), dtype=numpy.float32)
b = a
for _ in range(40):
    b = a @ b
    b /= numpy.abs(b).max()
print(float(b.shape[0]))
