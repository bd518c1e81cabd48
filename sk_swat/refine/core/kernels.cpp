// Compiled once for each instruction set; see lanes.hpp.
#include "kernels.hpp"

#include "elementary.hpp"

namespace sk_swat {
namespace SK_SWAT_ISA {
namespace {

constexpr int kTile = 4;  // Jacobian rows of a tile of the normal equations
#if defined(__AVX512F__)
constexpr int kTogether = 4;  // of them that fit into the registers
#else
constexpr int kTogether = 2;
#endif

using Index = std::int64_t;

Index round_up(Index n, Index step) { return (n + step - 1) / step * step; }

void activate(int kind, double* z, double* slope, int n) {  // z becomes the value; slope may be null
    const Lanes zero = all(0.0), one = all(1.0);
    switch (kind) {
        case 0:
            if (slope)
                for (int i = 0; i < n; i += kLanes) store(slope + i, one);
            return;
        case 1:
            for (int i = 0; i < n; i += kLanes) {
                const Lanes x = load(z + i), decay = exp(zero - absolute(x));
                const Lanes value = choose(zero > x, decay, one) / (one + decay);
                store(z + i, value);
                if (slope) store(slope + i, value * (one - value));
            }
            return;
        case 2:
            for (int i = 0; i < n; i += kLanes) {
                const Lanes value = tanh(load(z + i));
                store(z + i, value);
                if (slope) store(slope + i, one - value * value);
            }
            return;
        case 3:
            for (int i = 0; i < n; i += kLanes) {
                const Lanes x = load(z + i), small = all(0.01);
                const Mask above = x > zero;
                store(z + i, choose(above, x, small * x));
                if (slope) store(slope + i, choose(above, one, small));
            }
            return;
        case 4:
            for (int i = 0; i < n; i += kLanes) {
                Lanes sine, cosine;
                sin_cos(load(z + i), sine, cosine);
                store(z + i, sine);
                if (slope) store(slope + i, cosine);
            }
            return;
        default:
            for (int i = 0; i < n; i += kLanes) {
                const Lanes x = load(z + i), value = exp(zero - x * x);
                store(z + i, value);
                if (slope) store(slope + i, all(-2.0) * x * value);
            }
    }
}

// One block of rows: pointers into the columns, and rows of memory for neurons, outputs and what is differentiated.
struct Block {
    const Program& net;
    const double* values;
    const Data& data;
    Index start;
    int n, padded, size;  // rows, rows filled up to whole lanes, rows of memory
    double *neurons, *slopes, *residuals, *deltas, *extra, *jacobian;

    Block(const Program& net, const double* values, const Data& data, const Scratch& scratch)
        : net(net), values(values), data(data), start(0), n(0), padded(0), size(scratch.block) {
        neurons = scratch.memory;
        slopes = neurons + Index(net.n_neurons) * size;
        residuals = slopes + Index(net.n_neurons) * size;
        deltas = residuals + Index(net.n_outputs) * size;
        extra = deltas + Index(net.n_neurons) * size;
        jacobian = extra + 4 * Index(size);
    }

    static Index needed(const Program& net, int size) {
        return (3 * Index(net.n_neurons) + net.n_outputs + 4 + round_up(net.n_parameters + 1, kTile)) * size;
    }

    void at(Index row) {
        start = row;
        n = int(data.n_rows - row < size ? data.n_rows - row : size);
        padded = int(round_up(n, kLanes));
    }

    const double* read(int source) const {
        return source < data.n_columns ? data.X + source * data.stride + start : neurons + Index(source - data.n_columns) * size;
    }

    void sum_into(int target, double* z) const {
        const int begin = net.first[target], end = net.first[target + 1];
        for (int i = 0; i < padded; i += kLanes) store(z + i, all(0.0));
        for (int p = begin; p < end; ++p) {
            const Lanes w = all(values[p]);
            if (net.source[p] == kBias) {
                for (int i = 0; i < padded; i += kLanes) store(z + i, load(z + i) + w);
            } else {
                const double* from = read(net.source[p]);
                for (int i = 0; i < padded; i += kLanes) store(z + i, load(z + i) + w * load(from + i));
            }
        }
    }

    // Outputs into `residuals`; slopes of the neurons on request.
    void forward(bool differentiate) {
        for (int t = 0; t < net.n_neurons; ++t) {
            double* z = neurons + Index(t) * size;
            double* slope = differentiate ? slopes + Index(t) * size : nullptr;
            sum_into(t, z);
            if (net.kind[t] < kOthers) {
                activate(net.kind[t], z, slope, padded);
            } else {
                double* copy = extra;
                for (int i = 0; i < padded; i += kLanes) store(copy + i, load(z + i));
                data.others.call(data.others.self, net.kind[t], copy, padded, z, slope);
            }
        }
        for (int o = 0; o < net.n_outputs; ++o) sum_into(net.n_neurons + o, residuals + Index(o) * size);
    }

    // Outputs become residuals, zero beyond the last row.
    void subtract() {
        for (int o = 0; o < net.n_outputs; ++o) {
            double* r = residuals + Index(o) * size;
            const double* y = data.y + o * data.stride + start;
            for (int i = 0; i < padded; i += kLanes) store(r + i, load(r + i) - load(y + i));
            for (int i = n; i < padded; ++i) r[i] = 0.0;
        }
    }

    // Add the losses of the residuals of one output to the lanes of a sum. With `derivatives`, gradient and curvature
    // of a loss that is not the square lie in `extra` afterwards, the curvature after the gradient.
    Lanes losses(int output, Lanes total, bool derivatives) {
        const double* r = residuals + Index(output) * size;
        const double* value = r;
        if (data.loss.call) {
            double* g = extra;
            double* c = extra + size;
            double* v = extra + 2 * Index(size);
            data.loss.call(data.loss.self, r, padded, v, derivatives ? g : nullptr, derivatives ? c : nullptr);
            for (int i = n; i < padded; ++i) v[i] = 0.0;
            value = v;
        }
        for (int i = 0; i < padded; i += kLanes) {
            Lanes loss = load(value + i);
            if (!data.loss.call) loss = loss * loss;
            if (data.weight) loss = loss * load(data.weight + start + i);
            total = total + loss;
        }
        return total;
    }

    // Derivative of one output by what enters each neuron, into `deltas`.
    void backward(int output) {
        for (int t = net.n_neurons - 1; t >= 0; --t) {
            double* d = deltas + Index(t) * size;
            for (int i = 0; i < padded; i += kLanes) store(d + i, all(0.0));
            for (int k = net.leaving_first[t]; k < net.leaving_first[t + 1]; ++k) {
                const int p = net.leaving[k], to = net.target[p];
                const Lanes w = all(values[p]);
                if (to < net.n_neurons) {
                    const double* after = deltas + Index(to) * size;
                    for (int i = 0; i < padded; i += kLanes) store(d + i, load(d + i) + w * load(after + i));
                } else if (to - net.n_neurons == output) {
                    for (int i = 0; i < padded; i += kLanes) store(d + i, load(d + i) + w);
                }
            }
            const double* slope = slopes + Index(t) * size;
            for (int i = 0; i < padded; i += kLanes) store(d + i, load(d + i) * load(slope + i));
        }
    }

    // Rows of the Jacobian of one output, times a scale of each row of data or null; zero beyond the last row.
    void differentiate(int output, const double* scale) {
        for (int p = 0; p < net.n_parameters; ++p) {
            double* j = jacobian + Index(p) * size;
            const int to = net.target[p], from = net.source[p];
            const double* x = from == kBias ? nullptr : read(from);
            const double* d = to < net.n_neurons ? deltas + Index(to) * size : nullptr;
            const bool none = !d && to - net.n_neurons != output;
            for (int i = 0; i < padded; i += kLanes) {
                Lanes value = all(none ? 0.0 : 1.0);
                if (!none) {
                    if (x) value = load(x + i);
                    if (d) value = value * load(d + i);
                    if (scale) value = value * load(scale + i);
                }
                store(j + i, value);
            }
            for (int i = n; i < padded; ++i) j[i] = 0.0;
        }
    }
};

// Add the products of rows of the Jacobian to the lanes of their sums, tile by tile.
void add_products(const double* rows, int n_rows, int size, int padded, double* sums) {
    for (int a = 0; a < n_rows; a += kTile)
        for (int b = 0; b <= a; b += kTile, sums += kTile * kTile * kLanes)
            for (int part = 0; part < kTile * kTile / (kTogether * kTogether); ++part) {
                const int da = part / (kTile / kTogether) * kTogether, db = part % (kTile / kTogether) * kTogether;
                const double* left = rows + Index(a + da) * size;
                const double* right = rows + Index(b + db) * size;
                Lanes total[kTogether][kTogether];
                double* to = sums + (da * kTile + db) * kLanes;
                for (int i = 0; i < kTogether; ++i)
                    for (int j = 0; j < kTogether; ++j) total[i][j] = load(to + (i * kTile + j) * kLanes);
                for (int k = 0; k < padded; k += kLanes) {
                    Lanes x[kTogether];
                    for (int j = 0; j < kTogether; ++j) x[j] = load(right + Index(j) * size + k);
                    for (int i = 0; i < kTogether; ++i) {
                        const Lanes w = load(left + Index(i) * size + k);
                        for (int j = 0; j < kTogether; ++j) total[i][j] = total[i][j] + w * x[j];
                    }
                }
                for (int i = 0; i < kTogether; ++i)
                    for (int j = 0; j < kTogether; ++j) store(to + (i * kTile + j) * kLanes, total[i][j]);
            }
}

Index n_sums(int n_rows) {  // doubles that the tiles of so many rows take
    const Index tiles = n_rows / kTile;
    return tiles * (tiles + 1) / 2 * kTile * kTile * kLanes;
}

Index needed(const Program& net, const Data&, int block) {
    return Block::needed(net, block) + n_sums(int(round_up(net.n_parameters + 1, kTile)));
}

template <class Work>
bool for_blocks(Block& block, const Scratch& scratch, const Work& work) {
    for (Index row = 0; row < block.data.n_rows; row += scratch.block) {
        if (scratch.stop && scratch.stop(scratch.self)) return false;
        block.at(row);
        work();
    }
    return true;
}

bool mean_loss(const Program& net, const double* values, const Data& data, const Scratch& scratch, double* error) {
    Block block(net, values, data, scratch);
    Lanes total = all(0.0);
    const bool whole = for_blocks(block, scratch, [&] {
        block.forward(false);
        block.subtract();
        for (int o = 0; o < net.n_outputs; ++o) total = block.losses(o, total, false);
    });
    *error = sum(total) / data.n_observations;
    return whole;
}

void square_root(double* x, int n) {
    for (int i = 0; i < n; ++i) x[i] = __builtin_sqrt(x[i]);
}

bool equations(const Program& net, const double* values, const Data& data, const Scratch& scratch, double* matrix,
               double* gradient, double* error) {
    Block block(net, values, data, scratch);
    const int n = net.n_parameters, n_rows = int(round_up(n + 1, kTile)), size = scratch.block;
    double* sums = scratch.memory + Block::needed(net, size);
    for (Index i = 0; i < n_sums(n_rows); ++i) sums[i] = 0.0;
    for (int p = n + 1; p < n_rows; ++p)
        for (int i = 0; i < size; ++i) block.jacobian[Index(p) * size + i] = 0.0;
    Lanes total = all(0.0);
    const bool whole = for_blocks(block, scratch, [&] {
        block.forward(true);
        block.subtract();
        for (int o = 0; o < net.n_outputs; ++o) {
            const bool squares = !data.loss.call;
            total = block.losses(o, total, true);
            double* g = block.extra;
            double* scale = nullptr;
            double* last = block.jacobian + Index(n) * size;  // residuals, as one more row
            const double* r = block.residuals + Index(o) * size;
            if (data.weight || !squares) {
                scale = block.extra + 3 * Index(size);
                for (int i = 0; i < block.padded; i += kLanes) {
                    Lanes s = squares ? all(1.0) : all(0.5) * load(block.extra + size + i);
                    if (data.weight) s = s * load(data.weight + block.start + i);
                    store(scale + i, s);
                }
                square_root(scale, block.padded);
            }
            for (int i = 0; i < block.padded; i += kLanes) {
                Lanes value = squares ? load(r + i) : load(g + i) / load(block.extra + size + i);
                if (scale) value = value * load(scale + i);
                store(last + i, value);
            }
            for (int i = block.n; i < block.padded; ++i) last[i] = 0.0;
            block.backward(o);
            block.differentiate(o, scale);
            add_products(block.jacobian, n_rows, size, block.padded, sums);
        }
    });
    const double* from = sums;
    for (int a = 0; a < n_rows; a += kTile)
        for (int b = 0; b <= a; b += kTile)
            for (int i = 0; i < kTile; ++i)
                for (int j = 0; j < kTile; ++j, from += kLanes) {
                    const int row = a + i, column = b + j;
                    if (column > row || row > n || column >= n) continue;
                    const double value = sum(load(from)) / data.n_observations;
                    if (row == n) {
                        gradient[column] = value;
                    } else {
                        matrix[Index(row) * n + column] = value;
                        matrix[Index(column) * n + row] = value;
                    }
                }
    *error = sum(total) / data.n_observations;
    return whole;
}

bool outputs(const Program& net, const double* values, const Data& data, const Scratch& scratch, double* result) {
    Block block(net, values, data, scratch);
    return for_blocks(block, scratch, [&] {
        block.forward(false);
        for (int o = 0; o < net.n_outputs; ++o)
            for (int i = 0; i < block.padded; i += kLanes)
                store(result + o * data.stride + block.start + i, load(block.residuals + Index(o) * scratch.block + i));
    });
}

bool jacobian(const Program& net, const double* values, const Data& data, const Scratch& scratch, double* derivatives) {
    Block block(net, values, data, scratch);
    return for_blocks(block, scratch, [&] {
        block.forward(true);
        for (int o = 0; o < net.n_outputs; ++o) {
            block.backward(o);
            block.differentiate(o, nullptr);
            for (int p = 0; p < net.n_parameters; ++p)
                for (int i = 0; i < block.padded; i += kLanes)
                    store(derivatives + (Index(o) * net.n_parameters + p) * data.stride + block.start + i,
                          load(block.jacobian + Index(p) * scratch.block + i));
        }
    });
}

bool pull(const Program& net, const double* values, const Data& data, const Scratch& scratch, double* result) {
    Block block(net, values, data, scratch);
    for (Index i = 0; i < (net.n_neurons + 1) * data.stride; ++i) result[i] = 0.0;
    return for_blocks(block, scratch, [&] {
        block.forward(true);
        block.subtract();
        for (int o = 0; o < net.n_outputs; ++o) {
            block.losses(o, all(0.0), true);
            double* force = block.extra;  // minus half of the loss's derivative
            const double* r = block.residuals + Index(o) * scratch.block;
            for (int i = 0; i < block.padded; i += kLanes)
                store(force + i, data.loss.call ? all(-0.5) * load(force + i) : all(0.0) - load(r + i));
            for (int i = block.n; i < block.padded; ++i) force[i] = 0.0;
            block.backward(o);
            for (int t = 0; t <= net.n_neurons; ++t) {
                double* to = result + t * data.stride + block.start;
                const double* d = block.deltas + Index(t) * scratch.block;
                for (int i = 0; i < block.padded; i += kLanes) {
                    const Lanes f = load(force + i);
                    store(to + i, load(to + i) + (t < net.n_neurons ? f * load(d + i) : f));
                }
            }
        }
    });
}

// The loops below are sums and products element by element: compilers use what registers there are without any other
// order of rounding.
bool factorise(double* a, int n) {
    for (int j = 0; j < n; ++j) {
        double* row = a + Index(j) * n;
        if (!(row[j] > 0.0) || row[j] > 1e300) return false;
        const double root = __builtin_sqrt(row[j]);
        for (int k = j; k < n; ++k) row[k] /= root;
        for (int i = j + 1; i < n; ++i) {
            double* __restrict__ other = a + Index(i) * n;
            const double factor = row[i];
            for (int k = i; k < n; ++k) other[k] -= factor * row[k];
        }
    }
    return true;
}

void solve(const double* factor, const double* right, double* solution, int n) {
    for (int i = 0; i < n; ++i) solution[i] = right[i];
    for (int j = 0; j < n; ++j) {
        const double* row = factor + Index(j) * n;
        const double x = solution[j] /= row[j];
        for (int k = j + 1; k < n; ++k) solution[k] -= x * row[k];
    }
    for (int j = n - 1; j >= 0; --j) {
        const double* row = factor + Index(j) * n;
        double x = solution[j];
        for (int k = j + 1; k < n; ++k) x -= row[k] * solution[k];
        solution[j] = x / row[j];
    }
}

void invert(const double* factor, double* inverse, int n) {
    // first V = U^-1, then V V' in its place
    for (Index i = 0; i < Index(n) * n; ++i) inverse[i] = 0.0;
    for (int i = n - 1; i >= 0; --i) {  // row i of V, from the rows below it
        double* row = inverse + Index(i) * n;
        const double* u = factor + Index(i) * n;
        for (int k = i + 1; k < n; ++k) {
            const double* below = inverse + Index(k) * n;
            const double w = u[k];
            for (int j = k; j < n; ++j) row[j] -= w * below[j];
        }
        row[i] = 1.0;
        for (int j = i; j < n; ++j) row[j] /= u[i];
    }
    // entry (i, j) needs what V has from column j on in rows i and j: nothing of that has been written over
    for (int i = 0; i < n; ++i)
        for (int j = i; j < n; ++j) {
            Lanes total = all(0.0);
            const double* a = inverse + Index(i) * n;
            const double* b = inverse + Index(j) * n;
            int k = j;
            for (; k + kLanes <= n; k += kLanes) total = total + load(a + k) * load(b + k);
            double value = sum(total);
            for (; k < n; ++k) value += a[k] * b[k];
            inverse[Index(i) * n + j] = value;
        }
    for (int i = 0; i < n; ++i)
        for (int j = i + 1; j < n; ++j) inverse[Index(j) * n + i] = inverse[Index(i) * n + j];
}

void elementary(int which, const double* x, Index n, double* result) {
    for (Index i = 0; i < n; i += kLanes) {
        const Lanes z = load(x + i);
        Lanes sine, cosine;
        if (which == 0) store(result + i, exp(z));
        else if (which == 3) store(result + i, tanh(z));
        else {
            sin_cos(z, sine, cosine);
            store(result + i, which == 1 ? sine : cosine);
        }
    }
}

double activation(int kind, double z) {
    double lanes[kLanes] = {z, z, z, z, z, z, z, z};
    activate(kind, lanes, nullptr, kLanes);
    return lanes[0];
}

}  // namespace

extern const Kernels kernels;
const Kernels kernels = {SK_SWAT_NAME, needed, mean_loss, equations, outputs,   jacobian,
                         pull,         factorise, solve,  invert,    elementary, activation};

}  // namespace SK_SWAT_ISA
}  // namespace sk_swat
