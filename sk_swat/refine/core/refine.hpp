// Levenberg-Marquardt and pruning of one network.
#pragma once

#include <functional>
#include <vector>

#include "kernels.hpp"
#include "network.hpp"

namespace sk_swat {

// What one thread works with: kernels, memory that grows as it is needed, and how it learns that it is to stop.
class Worker {
  public:
    Worker(const Kernels& kernels, void* self, bool (*stop)(void*)) : kernels(kernels), self_(self), stop_(stop) {}

    Scratch scratch(const Program& program, const Data& data, bool may_stop = true);
    bool stopped() const { return stop_ && stop_(self_); }

    const Kernels& kernels;

  private:
    std::vector<double> memory_;
    void* self_;
    bool (*stop_)(void*);
};

struct Steps {
    int n_steps;
    double ridge, damping;
};

struct Fitted {
    std::vector<double> values;
    double error, damping;
    int accepted;
};

// Minimise the mean loss plus ridge times the sum of the squared parameters. Each step tries several dampings; one
// that is under way when work must stop is left.
Fitted fit(const Moving& moving, const Data& data, const Steps& steps, Worker& worker);

// What pruning may ask somebody else: which of the moving parameters go next.
struct State {
    const Network& network;
    const Moving& moving;
    const std::vector<double>&matrix, &gradient;
    double error, ridge, wanted;
    const std::vector<unsigned char>& removable;  // of the moving parameters
};
using Criterion = std::function<std::vector<unsigned char>(const State&)>;

std::vector<unsigned char> optimal_brain_surgeon(const State& state, const Kernels& kernels);

// Rise of the mean loss without each parameter alone, w^2 / (H^-1)_ii; false if it was stopped.
bool saliencies(const Moving& moving, const Data& data, double ridge, Worker& worker, double* rise);

struct Pruning {
    int n_polish;
    int smallest;  // size at which pruning ends
    double share;  // of the parameters of a large network that go in a round
    Centred centred;
};

// Networks met on the way, from the first on; called with each one's size and mean loss.
using Sink = std::function<void(const Network&, int size, double error)>;

void prune(Network network, const Data& data, const Pruning& how, const Criterion& criterion,
           Worker& worker, const Sink& sink);

double ridge_of(double error, double n_observations);

}  // namespace sk_swat
