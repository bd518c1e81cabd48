#include "network.hpp"

#include <algorithm>
#include <utility>

namespace sk_swat {

Layout::Layout(std::vector<int> layer_sizes) : sizes(std::move(layer_sizes)) {
    for (int layer = 0; layer <= depth(); ++layer) {
        weights.push_back(n_places);
        n_places += sizes[layer] * sizes[layer + 1];
        biases.push_back(n_places);
        n_places += sizes[layer + 1];
        if (layer < depth()) {
            neurons.push_back(n_neurons);
            n_neurons += sizes[layer + 1];
        }
    }
}

Moving::Moving(const Network& network, const unsigned char* free)
    : n_outputs_(network.layout->sizes.back()) {
    const Layout& layout = *network.layout;
    std::vector<int> number(layout.n_neurons, -1);
    for (int i = 0; i < layout.n_neurons; ++i)
        if (network.kinds[i] >= 0) {
            number[i] = int(kind_.size());
            kind_.push_back(network.kinds[i]);
        }
    const int n_neurons = int(kind_.size());
    std::vector<std::vector<int>> leaving(n_neurons);
    const auto moves = [&](int at) { return free ? free[at] != 0 : network.values[at] != 0.0; };
    for (int l = 0; l <= layout.depth(); ++l)
        for (int to = 0; to < layout.sizes[l + 1]; ++to) {
            if (!network.alive(l + 1, to)) continue;
            first_.push_back(size());
            const int end = l < layout.depth() ? number[layout.neurons[l] + to] : n_neurons + to;
            const auto add = [&](int at, int from) {
                place.push_back(at);
                source.push_back(from);
                target.push_back(end);
                layer.push_back(l);
                start.push_back(network.values[at]);
            };
            if (moves(layout.bias(l, to))) add(layout.bias(l, to), kBias);
            for (int from = 0; from < layout.sizes[l]; ++from) {
                const int at = layout.weight(l, from, to);
                if (!moves(at) || !network.alive(l, from)) continue;
                if (l == 0) {
                    add(at, from);
                } else {
                    const int neuron = number[layout.neurons[l - 1] + from];
                    leaving[neuron].push_back(size());
                    add(at, layout.sizes[0] + neuron);
                }
            }
        }
    first_.push_back(size());
    for (const std::vector<int>& some : leaving) {
        leaving_first_.push_back(int(leaving_.size()));
        leaving_.insert(leaving_.end(), some.begin(), some.end());
    }
    leaving_first_.push_back(int(leaving_.size()));
}

Program Moving::program() const {
    return {int(kind_.size()), n_outputs_,     size(),         kind_.data(),           first_.data(),
            source.data(),     target.data(), leaving_first_.data(), leaving_.data()};
}

void Moving::write(const double* values, Network& network) const {
    std::fill(network.values.begin(), network.values.end(), 0.0);
    for (int p = 0; p < size(); ++p) network.values[place[p]] = values[p];
}

void fold_constants(Network& network, const Kernels& kernels, const ActivationFunction& others) {
    const Layout& layout = *network.layout;
    std::vector<double>& values = network.values;
    const int depth = layout.depth();
    for (int l = 0; l <= depth; ++l)  // what leaves missing neurons is nothing
        for (int from = 0; from < layout.sizes[l]; ++from)
            if (!network.alive(l, from))
                for (int to = 0; to < layout.sizes[l + 1]; ++to) values[layout.weight(l, from, to)] = 0.0;
    for (int l = 0; l < depth; ++l)
        for (int j = 0; j < layout.sizes[l + 1]; ++j) {
            int& kind = network.kinds[layout.neurons[l] + j];
            if (kind < 0) continue;
            bool sees = false;
            for (int from = 0; from < layout.sizes[l]; ++from) sees |= values[layout.weight(l, from, j)] != 0.0;
            if (sees) continue;
            double constant = values[layout.bias(l, j)];
            if (kind < kOthers) {
                constant = kernels.activation(kind, constant);
            } else {
                double z[kLanes], value[kLanes];
                std::fill(z, z + kLanes, constant);
                others.call(others.self, kind, z, kLanes, value, nullptr);
                constant = value[0];
            }
            for (int to = 0; to < layout.sizes[l + 2]; ++to) {
                double& weight = values[layout.weight(l + 1, j, to)];
                if (weight != 0.0) values[layout.bias(l + 1, to)] += constant * weight;
                weight = 0.0;
            }
            kind = -1;
        }
    for (int l = depth - 1; l >= 0; --l)
        for (int j = 0; j < layout.sizes[l + 1]; ++j) {
            int& kind = network.kinds[layout.neurons[l] + j];
            bool heard = false;
            for (int to = 0; to < layout.sizes[l + 2]; ++to) heard |= values[layout.weight(l + 1, j, to)] != 0.0;
            if (kind >= 0 && heard) continue;
            kind = -1;
            for (int from = 0; from < layout.sizes[l]; ++from) values[layout.weight(l, from, j)] = 0.0;
            values[layout.bias(l, j)] = 0.0;
        }
}

int count_parameters(const Network& network, Centred centred) {
    constexpr int kIdentity = 0;
    const Layout& layout = *network.layout;
    const int depth = layout.depth();
    int weights = 0, staying = 0, moved = 0;
    std::vector<unsigned char> arriving(layout.sizes[1], 0);
    for (int l = 0; l <= depth; ++l) {
        for (int i = 0; i < layout.sizes[l] * layout.sizes[l + 1]; ++i) weights += network.values[layout.weights[l] + i] != 0.0;
        const bool costs_anyway = (l == 0 && !centred.x) || (l == depth && !centred.y);
        std::vector<unsigned char> next(l < depth ? layout.sizes[l + 2] : 0, 0);
        for (int j = 0; j < layout.sizes[l + 1]; ++j) {
            bool counted = costs_anyway ? network.alive(l + 1, j) : network.values[layout.bias(l, j)] != 0.0;
            staying += counted;
            counted = counted || arriving[j];
            if (counted && l < depth && network.kinds[layout.neurons[l] + j] == kIdentity) {
                counted = false;
                for (int to = 0; to < layout.sizes[l + 2]; ++to)
                    if (network.values[layout.weight(l + 1, j, to)] != 0.0) next[to] = 1;
            }
            moved += counted;
        }
        arriving = next;
    }
    return weights + std::min(staying, moved);
}

std::vector<double> count_what_goes(const Network& network) {
    const Layout& layout = *network.layout;
    const std::vector<double>& values = network.values;
    const int depth = layout.depth();
    std::vector<double> count(layout.n_places, 1.0);
    std::vector<std::vector<int>> entering, outgoing;  // weights of each neuron
    for (int l = 0; l <= depth; ++l) {
        entering.emplace_back(layout.sizes[l + 1], 0);
        outgoing.emplace_back(layout.sizes[l], 0);
        for (int from = 0; from < layout.sizes[l]; ++from)
            for (int to = 0; to < layout.sizes[l + 1]; ++to) {
                const bool there = values[layout.weight(l, from, to)] != 0.0;
                entering[l][to] += there;
                outgoing[l][from] += there;
            }
    }
    for (int l = 0; l <= depth; ++l)
        for (int from = 0; from < layout.sizes[l]; ++from)
            for (int to = 0; to < layout.sizes[l + 1]; ++to) {
                double& n = count[layout.weight(l, from, to)];
                if (l > 0 && outgoing[l][from] == 1) n += entering[l - 1][from] + (values[layout.bias(l - 1, from)] != 0.0);
                if (l < depth && entering[l][to] == 1) n += outgoing[l + 1][to] + (values[layout.bias(l, to)] != 0.0);
            }
    return count;
}

}  // namespace sk_swat
