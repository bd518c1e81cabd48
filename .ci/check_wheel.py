"""Checks a wheel that is installed: the compiled core gives the same bits everywhere; a fit and its predictions.

`python check_wheel.py --core` leaves out the fit, where torch cannot be had.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

import sk_swat
from sk_swat.refine import _core

# exp, sin, cos and tanh at the arguments below, on every processor and system
ELEMENTARY = "40d68dd2466de0aff4585999b33376eca15463e015452ad6e4aa2b265c143a2b"

if not Path(sk_swat.__file__).is_relative_to(sys.prefix):
    sys.exit(f"sk_swat must come from the wheel, got {sk_swat.__file__}")


def digest(*arrays):
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def results(how):
    """Digests of what these kernels give: elementary functions, and networks that are fitted and pruned."""
    x = np.concatenate([np.arange(-7000, 7000) / 16, np.arange(1, 1000) * 1e7, np.ldexp(1.7, np.arange(-1000, 1000))])
    functions = digest(*(_core.elementary(name, x, how) for name in ("exp", "sin", "cos", "tanh")))
    rng = np.random.default_rng(0)
    X, sizes = rng.uniform(-2, 2, size=(500, 2)), [2, 6, 1]
    rows = _core.Rows(X, (X[:, 0] * X[:, 1] + X[:, 1] ** 2)[None], None, None, None)
    values, kinds = rng.uniform(-1, 1, size=(6, 25)), rng.integers(0, 6, size=(6, 6)).astype(np.int32)
    each = np.ones(6)
    fitted = _core.fit(sizes, values, kinds, [rows], None, 20, 1e-6 * each, 0.1 * each, how)
    pruned = _core.prune(sizes, fitted[0], kinds, [rows], np.ones(6, np.int64), 2, 0.12, True, True, None, how)
    return functions, digest(*fitted), digest(*pruned)


found = {kernels: results(_core.How(kernels)) for kernels in _core.kernel_names()}
found["three threads"] = results(_core.How(n_threads=3))
if len(set(found.values())) > 1:
    sys.exit(f"all kernels must give the same bits, got {found}")
functions = found["baseline"][0]
if functions != ELEMENTARY:
    sys.exit(f"elementary functions must give the bits of other processors, {ELEMENTARY}, got {functions}")
print(f"the same bits from {', '.join(found)}")
if "--core" in sys.argv:
    sys.exit()

rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, size=(400, 2))
y = np.sin(2 * X[:, 0]) + X[:, 0] * X[:, 1]
model = sk_swat.SWATRegressor(random_state=0).fit(X[:300], y[:300])
prediction = model.predict(X[300:])
r2 = 1 - np.mean((prediction - y[300:]) ** 2) / np.var(y[300:])
print(f"R^2 of SWATRegressor on 100 held-out rows: {r2:.4f}")
if not r2 > 0.5:
    sys.exit(f"R^2 must be above 0.5, got {r2:.4f}")
