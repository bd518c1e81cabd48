#include "refine.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace sk_swat {
namespace {

constexpr double kTried[] = {0.2, 1.0, 5.0};  // multiples of the damping tried in every step; the best one is kept
constexpr double kAfterFailure = 30.0;        // factor of the damping when none of them helped
constexpr double kLeastDamping = 1e-9, kMostDamping = 1e8, kLeastDiagonal = 1e-9;
constexpr double kPriorVariance = 4.0;  // of a weight between standardised columns and neurons
constexpr double kLeastRidge = 1e-12, kMostRidge = 1e-2;
constexpr double kRelativeRidge = 1e-7;  // of the diagonal, so that the matrix can be inverted
constexpr int kOneAtATime = 24;  // parameters; larger networks lose several in a round
constexpr double kCliff = 4.0;   // factor of the loss in one round above which other removals are tried
constexpr double kFirstDamping = 1e-1, kLeastPruned = 1e-6, kMostPruned = 1.0;
constexpr double kRepairs[] = {1e-3, 1.0, 10.0};  // multiples of the damping of the step that makes up for a removal
constexpr int kBlock = 128, kLargeBlock = 2048;   // rows; large where blocks are handed to somebody else
constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Doubles = std::vector<double>;
using Marks = std::vector<unsigned char>;

// Step from values to values - step by (matrix + ridge + damping * diagonal) step = gradient + ridge * values, over
// the parameters that stay; zero where there is no solution.
Doubles damped_step(const Doubles& matrix, const Doubles& gradient, const Doubles& values, double ridge, double damping,
                    const Marks* gone, const Kernels& kernels) {
    std::vector<int> kept;
    for (int i = 0; i < int(values.size()); ++i)
        if (!gone || !(*gone)[i]) kept.push_back(i);
    const int n = int(kept.size()), all = int(values.size());
    Doubles part(std::size_t(n) * n), right(n), solution(n), step(all, 0.0);
    for (int i = 0; i < n; ++i) {
        const double* row = &matrix[std::size_t(kept[i]) * all];
        for (int j = i; j < n; ++j) part[std::size_t(i) * n + j] = row[kept[j]];
        double& diagonal = part[std::size_t(i) * n + i];
        diagonal += ridge;
        diagonal += damping * std::max(diagonal, kLeastDiagonal);
        right[i] = gradient[kept[i]] + ridge * values[kept[i]];
    }
    if (!kernels.factorise(part.data(), n)) return step;
    kernels.solve(part.data(), right.data(), solution.data(), n);
    for (int i = 0; i < n; ++i) step[kept[i]] = solution[i];
    return step;
}

double squares(const Doubles& values) {
    double total = 0.0;
    for (const double value : values) total += value * value;
    return total;
}

double or_infinity(double x) { return std::isnan(x) ? kInfinity : x; }

}  // namespace

double ridge_of(double error, double n_observations) {
    const double ridge = error / (kPriorVariance * n_observations);
    return std::isnan(ridge) ? kMostRidge : std::clamp(ridge, kLeastRidge, kMostRidge);
}

Scratch Worker::scratch(const Program& program, const Data& data, bool may_stop) {
    bool asks = data.loss.call != nullptr;
    for (int t = 0; t < program.n_neurons; ++t) asks = asks || program.kind[t] >= kOthers;
    const std::int64_t rows = (data.n_rows + kLanes - 1) / kLanes * kLanes;
    const int block = int(std::min<std::int64_t>(asks ? kLargeBlock : kBlock, std::max<std::int64_t>(rows, kLanes)));
    const std::size_t needed = std::size_t(kernels.needed(program, data, block));
    if (memory_.size() < needed) memory_.resize(needed);
    return {block, memory_.data(), self_, may_stop ? stop_ : nullptr};
}

Fitted fit(const Moving& moving, const Data& data, const Steps& steps, Worker& worker) {
    const Program program = moving.program();
    const Kernels& kernels = worker.kernels;
    const Scratch scratch = worker.scratch(program, data);
    const int n = moving.size();
    Fitted found{moving.start, 0.0, steps.damping, 0};
    const Scratch unstopped = worker.scratch(program, data, false);
    kernels.mean_loss(program, found.values.data(), data, unstopped, &found.error);
    Doubles matrix(std::size_t(n) * n), gradient(n), trial(n), best(n);
    bool moved = true;  // since the equations were made
    for (int number = 0; number < steps.n_steps; ++number) {
        double error;
        if (moved && !kernels.equations(program, found.values.data(), data, scratch, matrix.data(), gradient.data(), &error))
            break;
        double least = found.error + steps.ridge * squares(found.values), best_error = 0.0, best_damping = 0.0;
        bool better = false, whole = true;
        for (const double multiple : kTried) {
            const double damping = found.damping * multiple;
            const Doubles step = damped_step(matrix, gradient, found.values, steps.ridge, damping, nullptr, kernels);
            for (int i = 0; i < n; ++i) trial[i] = found.values[i] - step[i];
            whole = kernels.mean_loss(program, trial.data(), data, scratch, &error);
            if (!whole) break;
            const double loss = error + steps.ridge * squares(trial);
            if (loss < least) {
                least = loss;
                best_error = error;
                best_damping = damping;
                best = trial;
                better = true;
            }
        }
        if (!whole) break;
        moved = better;
        if (better) {
            found.values = best;
            found.error = best_error;
            ++found.accepted;
        }
        found.damping = std::clamp(better ? best_damping : found.damping * kAfterFailure, kLeastDamping, kMostDamping);
    }
    return found;
}

namespace {

// Rise of the loss without some parameters, while others that vanish with them are held: w' (H^-1 of both)^-1 w.
double group_saliency(const Doubles& inverse, int n, const std::vector<int>& group, const Doubles& weight,
                      const Kernels& kernels) {
    const int m = int(group.size());
    Doubles block(std::size_t(m) * m), solution(m);
    for (int i = 0; i < m; ++i)
        for (int j = i; j < m; ++j) block[std::size_t(i) * m + j] = inverse[std::size_t(group[i]) * n + group[j]];
    if (!kernels.factorise(block.data(), m)) return kInfinity;
    kernels.solve(block.data(), weight.data(), solution.data(), m);
    double rise = 0.0;
    for (int i = 0; i < m; ++i) rise += weight[i] * solution[i];
    return std::isfinite(rise) ? rise : kInfinity;
}

// Inverse of the Gauss-Newton matrix with a ridge; the identity where there is none: parameters then go by magnitude.
Doubles inverse_curvature(Doubles matrix, int n, double ridge, const Kernels& kernels) {
    Doubles inverse(std::size_t(n) * n, 0.0);
    for (int i = 0; i < n; ++i) {
        double& diagonal = matrix[std::size_t(i) * n + i];
        diagonal += kRelativeRidge * diagonal + ridge;
    }
    if (kernels.factorise(matrix.data(), n)) {
        kernels.invert(matrix.data(), inverse.data(), n);
    } else {
        for (int i = 0; i < n; ++i) inverse[std::size_t(i) * n + i] = 1.0;
    }
    return inverse;
}

double saliency(double value, const Doubles& inverse, int i, int n) {
    return value * value / std::max(inverse[std::size_t(i) * n + i], 1e-30);
}

}  // namespace

bool saliencies(const Moving& moving, const Data& data, double ridge, Worker& worker, double* rise) {
    const Program program = moving.program();
    const int n = moving.size();
    Doubles matrix(std::size_t(n) * n), gradient(n);
    double error;
    if (!worker.kernels.equations(program, moving.start.data(), data, worker.scratch(program, data), matrix.data(),
                                  gradient.data(), &error))
        return false;
    const Doubles inverse = inverse_curvature(std::move(matrix), n, ridge, worker.kernels);
    for (int i = 0; i < n; ++i) rise[i] = saliency(moving.start[i], inverse, i, n);
    return true;
}

Marks optimal_brain_surgeon(const State& state, const Kernels& kernels) {
    const Moving& moving = state.moving;
    const Layout& layout = *state.network.layout;
    const int n = moving.size();
    const Doubles inverse = inverse_curvature(state.matrix, n, state.ridge, kernels);
    const Doubles vanish = count_what_goes(state.network);
    Doubles price(n);
    for (int i = 0; i < n; ++i) price[i] = saliency(moving.start[i], inverse, i, n);

    struct Row {
        double rise, gone;
        std::vector<int> members;
    };
    std::vector<Row> rows;
    for (int l = 0; l <= layout.depth(); ++l) {  // all that leaves a neuron, or a column for the first layer
        std::vector<std::vector<int>> leaving(layout.sizes[l]), entering(layout.sizes[l]);
        for (int p = 0; p < n; ++p) {
            const int at = moving.place[p];
            if (moving.layer[p] == l && moving.source[p] != kBias)
                leaving[(at - layout.weights[l]) / layout.sizes[l + 1]].push_back(p);
            if (l > 0 && moving.layer[p] == l - 1)
                entering[moving.source[p] == kBias ? at - layout.biases[l - 1] : (at - layout.weights[l - 1]) % layout.sizes[l]]
                    .push_back(p);
        }
        for (int from = 0; from < layout.sizes[l]; ++from) {
            const std::vector<int>& members = leaving[from];
            if (members.empty() || (members.size() == 1 && l == 0)) continue;
            std::vector<int> group = members;
            group.insert(group.end(), entering[from].begin(), entering[from].end());
            Doubles weight(group.size(), 0.0);
            for (std::size_t i = 0; i < members.size(); ++i) weight[i] = moving.start[members[i]];
            const double rise = group_saliency(inverse, n, group, weight, kernels);
            if (members.size() == 1) price[members[0]] = rise;  // the last weight that leaves a neuron
            else rows.push_back({rise, double(group.size()), members});
        }
    }
    Doubles rate(n);
    std::vector<int> order(n);
    for (int i = 0; i < n; ++i) {
        order[i] = i;
        rate[i] = state.removable[i] ? price[i] / vanish[moving.place[i]] : kInfinity;
        if (std::isnan(rate[i])) rate[i] = kInfinity;
    }
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return rate[a] < rate[b]; });
    Marks removed(n, 0);
    double total = 0.0, highest = -kInfinity;
    for (int k = 0; k < n; ++k) {
        const int i = order[k];
        total += vanish[moving.place[i]];
        if ((k > 0 && total > state.wanted) || !state.removable[i]) break;
        removed[i] = 1;
        highest = rate[i];
    }
    for (const Row& row : rows) {
        const bool may_go = std::all_of(row.members.begin(), row.members.end(), [&](int i) { return state.removable[i] != 0; });
        if (!may_go || !(row.rise / row.gone < highest)) continue;
        highest = row.rise / row.gone;
        std::fill(removed.begin(), removed.end(), 0);
        for (const int i : row.members) removed[i] = 1;
    }
    if (std::none_of(removed.begin(), removed.end(), [](unsigned char gone) { return gone; }))
        for (int k = 0; k < n; ++k)
            if (state.removable[order[k]]) {
                removed[order[k]] = 1;
                break;
            }
    return removed;
}

namespace {

// A network at the beginning of a round.
struct Round {
    Network network;
    Moving moving;
    Doubles matrix, gradient;
    double error = 0.0, damping;
    int size;
    bool whole;

    Round(Network given, double damping, const Data& data, Centred centred, Worker& worker)
        : network(std::move(given)), moving(network, nullptr),
          matrix(std::size_t(moving.size()) * moving.size()), gradient(moving.size()), damping(damping),
          size(count_parameters(network, centred)) {
        const Program program = moving.program();
        whole = worker.kernels.equations(program, moving.start.data(), data, worker.scratch(program, data), matrix.data(),
                                         gradient.data(), &error);
    }
};

struct Shrunk {
    Network network;
    double damping, error;
    Marks gone;  // of all places
    bool whole;
};

Shrunk shrink(const Round& round, const Marks& allowed, const Data& data, const Pruning& how,
              const Criterion& criterion, Worker& worker) {
    const Kernels& kernels = worker.kernels;
    const Moving& moving = round.moving;
    const int n = moving.size();
    Shrunk found{round.network, round.damping, round.error, Marks(round.network.values.size(), 0), !worker.stopped()};
    if (!found.whole) return found;
    const double ridge = ridge_of(round.error, data.n_observations);
    const double wanted = round.size <= kOneAtATime ? 1.0 : std::ceil(how.share * round.size);
    Marks removable(n);
    for (int i = 0; i < n; ++i) removable[i] = allowed[moving.place[i]];
    const State state{round.network, moving, round.matrix, round.gradient, round.error, ridge, wanted, removable};
    const Marks removed = criterion ? criterion(state) : optimal_brain_surgeon(state, kernels);

    // set parameters to zero, and move the others so as to make up for it where that helps
    Doubles zeroed = moving.start, gradient = round.gradient;
    for (int i = 0; i < n; ++i) {
        if (!removed[i]) continue;
        found.gone[moving.place[i]] = 1;
        zeroed[i] = 0.0;
        const double* row = &round.matrix[std::size_t(i) * n];
        for (int k = 0; k < n; ++k) gradient[k] -= row[k] * moving.start[i];  // by the quadratic model
    }
    const Program program = moving.program();
    const Scratch scratch = worker.scratch(program, data);
    Doubles best = zeroed, trial(n);
    double error, least;
    found.whole = kernels.mean_loss(program, zeroed.data(), data, scratch, &error);
    least = or_infinity(error + ridge * squares(zeroed));
    for (const double multiple : kRepairs) {
        if (!found.whole) return found;
        const Doubles step = damped_step(round.matrix, gradient, zeroed, ridge, round.damping * multiple, &removed, kernels);
        for (int i = 0; i < n; ++i) trial[i] = zeroed[i] - step[i];
        found.whole = kernels.mean_loss(program, trial.data(), data, scratch, &error);
        const double loss = error + ridge * squares(trial);
        if (loss < least) {
            least = loss;
            best = trial;
        }
    }
    if (!found.whole) return found;
    moving.write(best.data(), found.network);
    fold_constants(found.network, kernels, data.others);
    const Moving left(found.network, nullptr);
    const Fitted fitted = fit(left, data, {how.n_polish, ridge, round.damping}, worker);
    left.write(fitted.values.data(), found.network);
    found.damping = std::clamp(fitted.damping, kLeastPruned, kMostPruned);
    found.error = or_infinity(fitted.error);  // also NaN is a leap of the loss
    found.whole = !worker.stopped();
    return found;
}

}  // namespace

void prune(Network network, const Data& data, const Pruning& how, const Criterion& criterion,
           Worker& worker, const Sink& sink) {
    const Layout& layout = *network.layout;
    fold_constants(network, worker.kernels, data.others);
    Marks may_go(network.values.size(), 1);  // parameters whose removal saves one
    const auto never = [&](int layer) {
        for (int j = 0; j < layout.sizes[layer + 1]; ++j) may_go[layout.bias(layer, j)] = 0;
    };
    if (!how.centred.x) never(0);
    if (!how.centred.y) never(layout.depth());
    double damping = kFirstDamping;
    for (bool first = true;; first = false) {
        const Round round(network, damping, data, how.centred, worker);
        if (!round.whole) {
            if (!first) return;
            const Program program = round.moving.program();
            double error;
            worker.kernels.mean_loss(program, round.moving.start.data(), data, worker.scratch(program, data, false), &error);
            sink(round.network, round.size, error);
            return;
        }
        sink(round.network, round.size, round.error);
        const auto has_any = [&](const Marks& allowed) {
            return std::any_of(round.moving.place.begin(), round.moving.place.end(), [&](int at) { return allowed[at] != 0; });
        };
        if (round.size <= how.smallest || !std::isfinite(round.error) || !has_any(may_go)) return;
        Shrunk shrunk = shrink(round, may_go, data, how, criterion, worker);
        if (!shrunk.whole) return;
        Marks others = may_go;
        for (std::size_t i = 0; i < others.size(); ++i) others[i] &= !shrunk.gone[i];
        if (shrunk.error > kCliff * round.error && has_any(others)) {  // once more, in another way
            Shrunk again = shrink(round, others, data, how, criterion, worker);
            if (!again.whole) return;
            if (again.error < shrunk.error) shrunk = std::move(again);
        }
        network = std::move(shrunk.network);
        damping = shrunk.damping;
    }
}

}  // namespace sk_swat
