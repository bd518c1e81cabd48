// What is hot: losses, Jacobians, normal equations and Cholesky factors of one network. There is one set of these
// functions for each instruction set, with the same results to the last bit.
#pragma once

#include <cstdint>

namespace sk_swat {

constexpr int kLanes = 8;  // doubles that are worked on side by side
constexpr int kBias = -1;   // source of a parameter that multiplies 1
constexpr int kOthers = 6;  // kinds of activation from here on are functions of the caller

// A network as the list of its parameters. Targets are neurons, layer by layer, and then outputs; the parameters of a
// target follow one another. `leaving` lists, for each neuron, the parameters that it feeds.
struct Program {
    int n_neurons, n_outputs, n_parameters;
    const int* kind;           // activation of each neuron
    const int* first;          // first parameter of each target, and the end
    const int* source;         // of each parameter: kBias, or a column, or n_columns + neuron
    const int* target;         // of each parameter
    const int* leaving_first;  // first entry of each neuron in `leaving`, and the end
    const int* leaving;
};

// Loss of residuals (output less target), and its first two derivatives; null pointers are not asked for.
struct LossFunction {
    void* self;
    void (*call)(void* self, const double* residual, std::int64_t n, double* value, double* gradient, double* curvature);
};

struct ActivationFunction {
    void* self;
    void (*call)(void* self, int kind, const double* z, std::int64_t n, double* value, double* slope);
};

// Rows of a table; column after column, each filled up to `stride`, a multiple of the lanes.
struct Data {
    std::int64_t n_rows, stride;
    int n_columns, n_outputs;
    const double* X;
    const double* y;       // n_outputs of them
    const double* weight;  // or null
    double n_observations;
    LossFunction loss;     // without a call the squared error
    ActivationFunction others;
};

// Memory of one thread, and how it learns that it is to stop.
struct Scratch {
    int block;           // rows that are worked on at a time
    double* memory;      // at least kernels.needed(...)
    void* self;
    bool (*stop)(void*);
};

struct Kernels {
    const char* name;
    std::int64_t (*needed)(const Program&, const Data&, int block);
    // False if it was stopped. The matrix is full and symmetric, of n_parameters rows.
    bool (*mean_loss)(const Program&, const double* values, const Data&, const Scratch&, double* error);
    bool (*equations)(const Program&, const double* values, const Data&, const Scratch&, double* matrix, double* gradient,
                      double* error);
    bool (*outputs)(const Program&, const double* values, const Data&, const Scratch&, double* outputs);
    // Derivatives of the outputs, (n_outputs, n_parameters, stride).
    bool (*jacobian)(const Program&, const double* values, const Data&, const Scratch&, double* derivatives);
    // Derivative of minus half of each row's loss by the input of each neuron and by the outputs, summed over the
    // targets: (n_neurons + 1, stride).
    bool (*pull)(const Program&, const double* values, const Data&, const Scratch&, double* pull);
    // Upper factor of a symmetric matrix, in its place; false where it is not positive.
    bool (*factorise)(double* matrix, int n);
    void (*solve)(const double* factor, const double* right, double* solution, int n);
    void (*invert)(const double* factor, double* inverse, int n);  // the whole inverse from the factor
    void (*elementary)(int which, const double* x, std::int64_t n, double* result);  // exp, sin, cos, tanh; n of lanes
    double (*activation)(int kind, double z);
};

// Kernels by name: "baseline", "avx2", "avx512"; null where the processor or the build has none. Without a name the
// widest that the processor has.
const Kernels* find_kernels(const char* name);
const char* const* kernel_names();  // that run here, ended by null

}  // namespace sk_swat
