"""
A sensor's calibration in C
===========================

How many bytes does a calibration take on a microcontroller? The counts of a pressure
sensor depend on the pressure, on the temperature, which a thermistor beside it
measures, and on the supply voltage of a battery. The pressure is to be computed from
these three counts: by a network in C, or by interpolation in a lookup table.
"""

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.interpolate import RegularGridInterpolator

from sk_swat import SparseMLP, SWATRegressor
from sk_swat.displays.palette import BLACK, BLUE, ORANGE
from sk_swat.export import to_c

# %%
# The sensor, simulated: offset and sensitivity drift with temperature, the bridge bends
# a little under pressure, and the thermistor is the usual one of 10 kOhm in a divider.
# 1000 rows come from a climate chamber, 1000 others are new.

FULL_SCALE = 3.6  # volts


def offset_and_slope(celsius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts at 0 kPa, and counts per kPa for small pressures, at full supply."""
    warmer = celsius - 25
    return 200 + 3.4 * warmer, 4 * (1 - 0.0021 * warmer + 5e-6 * warmer**2)


def exact_pressure(
    bridge: np.ndarray, thermistor: np.ndarray, supply: np.ndarray
) -> np.ndarray:
    """Pressure in kPa that belongs to counts without noise."""
    share = thermistor / supply
    celsius = 1 / (np.log(share / (1 - share)) / 3950 + 1 / 298.15) - 273.15
    offset, slope = offset_and_slope(celsius)
    return 5000 * (1 - np.sqrt(1 - (4095 * bridge / supply - offset) / (2500 * slope)))


def measure(n_rows: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Counts, with noise of one count, and the random pressures that they belong to."""
    pressure = rng.uniform(0, 700, n_rows)
    celsius, volts = rng.uniform(-20, 85, n_rows), rng.uniform(3, FULL_SCALE, n_rows)
    offset, slope = offset_and_slope(celsius)
    ohms = np.exp(3950 * (1 / (celsius + 273.15) - 1 / 298.15))
    at_full_supply = {
        "bridge": offset + slope * pressure * (1 - 1e-4 * pressure),
        "thermistor": 4095 * ohms / (1 + ohms),
        "supply": 4095,
    }
    counts = pd.DataFrame(at_full_supply).mul(volts / FULL_SCALE, axis=0)
    return (counts + rng.normal(size=counts.shape)).round(), pressure


rng = np.random.default_rng(0)
X, pressure = measure(1000, rng)
X_new, pressure_new = measure(1000, rng)
model = SWATRegressor(n_rounds=2, sparsity=1e-6, compactness=0, random_state=0)
model.fit(X, pressure)


def error(predicted: np.ndarray) -> float:
    """Root mean square error in kPa on the new rows."""
    return float(np.sqrt(np.mean((predicted - pressure_new) ** 2)))


print(f"{model.n_nonzero_} parameters, error {error(model.predict(X_new)):.2f} kPa")


def in_c(network: SparseMLP) -> str:
    """Source in single precision."""
    return to_c(network, dtype="float", name="pressure")


source = in_c(model.network_)
print(source[source.index("#include") :])

# %%
# Where there is a compiler, the file is compiled, run on the new rows, and compared
# with ``predict``.

MAIN = """
#include <stdio.h>
#define PRESSURE_DECLARATION_ONLY
#include "pressure.c"
int main(void) {
    float x[PRESSURE_N_FEATURES], y[PRESSURE_N_OUTPUTS];
    while (scanf("%f %f %f", &x[0], &x[1], &x[2]) == 3) {
        pressure_predict(x, y);
        printf("%.9g\\n", y[0]);
    }
    return 0;
}
"""
compiler = next(filter(shutil.which, ("gcc", "clang")), None)


def run(command: str, folder: str, stdin: str = "") -> str:
    """Run a command in a folder; what it prints."""
    return subprocess.check_output(command.split(), cwd=folder, input=stdin, text=True)


def predict_in_c(network: SparseMLP, table: pd.DataFrame) -> np.ndarray:
    """Predictions of the compiled network."""
    rows = table.to_csv(sep=" ", header=False, index=False)
    with TemporaryDirectory() as folder:
        Path(folder, "main.c").write_text(MAIN)
        Path(folder, "pressure.c").write_text(in_c(network))
        run(f"{compiler} -std=c99 -Os -o main main.c pressure.c -lm", folder)
        printed = run("./main", folder, rows)
    return np.array(printed.split(), dtype=float)


def n_bytes(network: SparseMLP) -> int:
    """Bytes of code and parameters; without a compiler, of the parameters alone."""
    if compiler is None:
        return 4 * network.n_nonzero
    options = "-std=c99 -Os -fno-asynchronous-unwind-tables -c"
    with TemporaryDirectory() as folder:
        Path(folder, "pressure.c").write_text(in_c(network))
        run(f"{compiler} {options} pressure.c", folder)
        text, data = run("size pressure.o", folder).splitlines()[1].split()[:2]
    return int(text) + int(data)


if compiler is None:
    print("There is no C compiler here.")
else:
    difference = predict_in_c(model.network_, X_new) - model.predict(X_new)
    print(f"largest difference from predict: {np.abs(difference).max():.4f} kPa")

# %%
# The lookup tables have two advantages. Their entries are the exact pressures, without
# noise, which no calibration knows. And only the entries are counted, four bytes each,
# not the code that interpolates. For the networks, code and parameters are counted, for
# the processor that built this page; ``tanhf`` and its like, from the C library, come
# on top. Each further input multiplies the table. With one input, or two, a small table
# is hard to beat.


def lookup_table(n: int) -> RegularGridInterpolator:
    """Interpolator with n x n x n entries over the ranges of the counts."""
    both = pd.concat([X, X_new])
    ranges = [np.linspace(both[name].min(), both[name].max(), n) for name in X]
    bridge, thermistor, supply = np.meshgrid(*ranges, indexing="ij")
    # in some corners lie counts that no temperature gives
    thermistor = np.minimum(thermistor, 0.999 * supply)
    return RegularGridInterpolator(ranges, exact_pressure(bridge, thermistor, supply))


widths = [3, 4, 5, 6, 8, 10, 12]
table_errors = [error(lookup_table(n)(X_new)) for n in widths]
networks = [network for network in model.networks_ if network.n_nonzero > 1]
network_errors = [error(network.predict(X_new)) for network in networks]

figure, axes = plt.subplots(figsize=(6.25, 4.2), layout="constrained")
axes.plot(
    [4 * n**3 for n in widths],
    table_errors,
    color=ORANGE,
    marker="s",
    linestyle="--",
    label="lookup tables, entries alone",
)
axes.plot(
    [n_bytes(network) for network in networks],
    network_errors,
    color=BLUE,
    marker="o",
    linestyle="none",
    label="networks of one fit",
)
axes.plot(
    n_bytes(model.network_),
    error(model.predict(X_new)),
    color=BLACK,
    marker="o",
    markersize=11,
    markerfacecolor="none",
    linestyle="none",
    label="the chosen one",
)
axes.set(
    xscale="log",
    yscale="log",
    xlabel="memory in bytes" if compiler else "memory of the parameters alone in bytes",
    ylabel="root mean square error on new rows in kPa",
)
axes.grid(color="0.9")
figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=9)
