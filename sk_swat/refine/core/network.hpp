// A network with all places that its layers have, and the list of those of its parameters that are worked on.
#pragma once

#include <vector>

#include "kernels.hpp"

namespace sk_swat {

// Sizes of the layers, and where their weights (n_in x n_out, row by row) and biases stand in one list.
struct Layout {
    std::vector<int> sizes;          // inputs, neurons of each hidden layer, outputs
    std::vector<int> weights, biases;  // first place of each layer
    std::vector<int> neurons;        // number of the first neuron of each hidden layer
    int n_places = 0, n_neurons = 0;

    explicit Layout(std::vector<int> layer_sizes);

    int depth() const { return int(sizes.size()) - 2; }
    int weight(int layer, int from, int to) const { return weights[layer] + from * sizes[layer + 1] + to; }
    int bias(int layer, int to) const { return biases[layer] + to; }
};

struct Network {
    const Layout* layout;
    std::vector<double> values;  // of all places
    std::vector<int> kinds;      // activation of each neuron, -1 where there is none

    bool alive(int layer, int j) const {  // layer 0 are the inputs, the last one the outputs
        return layer == 0 || layer == layout->depth() + 1 || kinds[layout->neurons[layer - 1] + j] >= 0;
    }
};

// The parameters of a network that move, and the program that evaluates them.
class Moving {
  public:
    // Those that are marked in `free` (of all places; null: those that are not zero) and lead from what is there to
    // what is there.
    Moving(const Network& network, const unsigned char* free);

    int size() const { return int(place.size()); }
    Program program() const;
    void write(const double* values, Network& network) const;  // all other parameters become zero

    std::vector<int> place, source, target, layer;
    std::vector<double> start;

  private:
    std::vector<int> kind_, first_, leaving_first_, leaving_;
    int n_outputs_;
};

struct Centred {
    bool x, y;  // whether columns and targets are merely scaled, so that a zero bias stays zero in raw units
};

// Remove neurons that cannot reach the outputs, and fold those that see no input into the next biases.
void fold_constants(Network& network, const Kernels& kernels, const ActivationFunction& others);

// Non-zero parameters in raw units. Biases of identity neurons count where they are or in what they feed, whichever
// is less.
int count_parameters(const Network& network, Centred centred);

// How many parameters vanish with that of a place, itself included.
std::vector<double> count_what_goes(const Network& network);

}  // namespace sk_swat
