// The door to Python: arrays are checked here, and nothing of Python is touched beyond it except to ask whether to stop
// and for losses, activations and criteria that are written in Python.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "refine.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace sk_swat {
namespace {

template <class T, int N>
using Array = nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T>
using Made = nb::ndarray<nb::numpy, T>;

void need(bool holds, const std::string& what) {
    if (!holds) throw nb::value_error(what.c_str());
}

template <class T>
Made<T> give(std::vector<T>&& values, std::initializer_list<std::size_t> shape) {
    auto* owned = new std::vector<T>(std::move(values));
    nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return Made<T>(owned->data(), shape, owner);
}

nb::object view(const double* values, std::int64_t n) {
    return nb::cast(nb::ndarray<nb::numpy, const double, nb::ndim<1>>(values, {std::size_t(n)}, nb::handle()),
                    nb::rv_policy::copy);
}

// What Python gives, as an array; `what` says what it must be.
template <class T>
nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu> array_of(nb::handle found, const char* what) {
    nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu> array;
    need(nb::try_cast(found, array), std::string(what) + ", got " + nb::cast<std::string>(nb::repr(found)) + ".");
    return array;
}

void copy_back(nb::handle found, std::int64_t n, double* to) {
    const auto array = array_of<double>(found, "a loss or an activation must give arrays of float64");
    need(std::int64_t(array.shape(0)) == n, "a loss or an activation must give as many values as it is given, got " +
                                                std::to_string(array.shape(0)) + " for " + std::to_string(n) + ".");
    if (to) std::memcpy(to, array.data(), sizeof(double) * n);
}

// As NumPy writes it.
template <class Given>
std::string shape(const Given& array) {
    std::string text = "(";
    for (std::size_t i = 0; i < array.ndim(); ++i) text += (i ? ", " : "") + std::to_string(array.shape(i));
    return text + (array.ndim() == 1 ? ",)" : ")");
}

// Rows of a table as the kernels take them, with the functions that are written in Python.
class Rows {
  public:
    Rows(Array<double, 2> X, Array<double, 2> y, std::optional<Array<double, 1>> weight, nb::object loss,
         nb::object activations)
        : loss_(std::move(loss)), activations_(std::move(activations)) {
        const std::size_t n = X.shape(0), n_columns = X.shape(1), n_outputs = y.shape(0);
        need(n > 0, "rows must be at least one, got none.");
        need(n_outputs > 0 && y.shape(1) == n, "y must have shape (n_targets, " + std::to_string(n) + "), got (" +
                                                   std::to_string(n_outputs) + ", " + std::to_string(y.shape(1)) + ").");
        need(!weight || weight->shape(0) == n, "weight must have shape (" + std::to_string(n) + ",), got " + (weight ? shape(*weight) : "") + ".");
        need(n_columns < std::size_t(std::numeric_limits<int>::max()) / 2, "columns must be fewer than 2^30.");
        stride_ = (n + kLanes - 1) / kLanes * kLanes;
        X_.assign(n_columns * stride_, 0.0);
        y_.assign(n_outputs * stride_, 0.0);
        for (std::size_t row = 0; row < n; ++row)
            for (std::size_t column = 0; column < n_columns; ++column)
                X_[column * stride_ + row] = X.data()[row * n_columns + column];
        for (std::size_t output = 0; output < n_outputs; ++output)
            std::memcpy(&y_[output * stride_], y.data() + output * n, sizeof(double) * n);
        double count = double(n);
        if (weight) {
            weight_.assign(stride_, 0.0);
            std::memcpy(weight_.data(), weight->data(), sizeof(double) * n);
            count = 0.0;
            for (const double one : weight_) count += one;
        }
        data_ = {std::int64_t(n), std::int64_t(stride_), int(n_columns), int(n_outputs), X_.data(), y_.data(),
                 weight ? weight_.data() : nullptr, count * double(n_outputs), {}, {}};
        if (!loss_.is_none()) data_.loss = {this, &Rows::call_loss};
        if (!activations_.is_none()) data_.others = {this, &Rows::call_activation};
    }

    Rows(const Rows&) = delete;

    const Data& data() const { return data_; }

  private:
    static void call_loss(void* self, const double* residual, std::int64_t n, double* value, double* gradient,
                          double* curvature) {
        const nb::gil_scoped_acquire held;
        const nb::object found = static_cast<Rows*>(self)->loss_(view(residual, n));
        copy_back(found[0], n, value);
        copy_back(found[1], n, gradient);
        copy_back(found[2], n, curvature);
    }

    static void call_activation(void* self, int kind, const double* z, std::int64_t n, double* value, double* slope) {
        const nb::gil_scoped_acquire held;
        const nb::object found = static_cast<Rows*>(self)->activations_(kind, view(z, n));
        copy_back(found[0], n, value);
        copy_back(found[1], n, slope);
    }

    std::size_t stride_;
    std::vector<double> X_, y_, weight_;
    nb::object loss_, activations_;
    Data data_;
};

// A batch of networks of one shape, as Python hands it over.
class Batch {
  public:
    Batch(std::vector<int> sizes, Array<double, 2> values, Array<std::int32_t, 2> kinds)
        : layout(check_sizes(std::move(sizes))), n(int(values.shape(0))) {
        need(int(values.shape(1)) == layout.n_places, "values must have shape (n_networks, " +
                 std::to_string(layout.n_places) + "), got (" + std::to_string(n) + ", " + std::to_string(values.shape(1)) + ").");
        need(int(kinds.shape(0)) == n && int(kinds.shape(1)) == layout.n_neurons,
             "kinds must have shape (" + std::to_string(n) + ", " + std::to_string(layout.n_neurons) + "), got " + shape(kinds) + ".");
        networks.reserve(n);
        for (int i = 0; i < n; ++i) {
            const double* v = values.data() + std::size_t(i) * layout.n_places;
            const std::int32_t* k = kinds.data() + std::size_t(i) * layout.n_neurons;
            networks.push_back({&layout, {v, v + layout.n_places}, {k, k + layout.n_neurons}});
        }
    }

    Batch(std::vector<int> sizes, Array<double, 2> values, Array<std::int32_t, 2> kinds, const std::vector<nb::object>& rows)
        : Batch(std::move(sizes), values, kinds) {
        held_ = rows;  // the list may change while the GIL is released
        need(int(rows.size()) == n || rows.size() == 1, "rows must be one, or one for each network, got " +
                                                            std::to_string(rows.size()) + " for " + std::to_string(n) + ".");
        for (const nb::object& one : rows) {
            need(nb::isinstance<Rows>(one), "rows must be a list of Rows, got " + nb::cast<std::string>(nb::repr(one)) + " in it.");
            rows_.push_back(nb::cast<const Rows*>(one));
        }
        for (int i = 0; i < n; ++i) {
            need(data(i).n_outputs == layout.sizes.back(), "networks must have an output for each target, got " +
                     std::to_string(layout.sizes.back()) + " outputs and " + std::to_string(data(i).n_outputs) + " targets.");
            need(data(i).n_columns == layout.sizes[0], "networks must have an input for each column, got " +
                     std::to_string(layout.sizes[0]) + " inputs and " + std::to_string(data(i).n_columns) + " columns.");
            for (const int kind : networks[i].kinds)
                need(kind < kOthers || data(i).others.call, "kinds must be below " + std::to_string(kOthers) +
                                                                " where rows have no other activations, got " +
                                                                std::to_string(kind) + ".");
        }
    }

    Batch(const Batch&) = delete;

    const Data& data(int i) const { return rows_[rows_.size() == 1 ? 0 : i]->data(); }
    Moving moving(int i, const unsigned char* free) const { return {networks[i], free}; }

    const Layout layout;
    const int n;
    std::vector<Network> networks;

  private:
    static std::vector<int> check_sizes(std::vector<int> sizes) {
        need(sizes.size() >= 2, "sizes must be those of inputs, hidden layers and outputs, got " + std::to_string(sizes.size()) + ".");
        double places = 0.0;
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            need(sizes[i] > 0, "sizes must be above zero, got " + std::to_string(sizes[i]) + ".");
            if (i) places += (sizes[i - 1] + 1.0) * sizes[i];
        }
        need(places < 1e9, "networks must have fewer than 1e9 places for parameters.");
        return sizes;
    }

    std::vector<nb::object> held_;
    std::vector<const Rows*> rows_;
};

const Kernels& kernels_of(const std::optional<std::string>& name) {
    const Kernels* kernels = find_kernels(name ? name->c_str() : nullptr);
    need(kernels != nullptr, "kernels must be one of those that kernel_names() gives, got '" + name.value_or("") + "'.");
    return *kernels;
}

// Whether to stop: signals first, then what the caller says.
std::function<bool()> asked(nb::handle stop) {
    return [stop] {
        const nb::gil_scoped_acquire held;
        if (PyErr_CheckSignals()) throw nb::python_error();
        if (stop.is_none()) return false;
        const int told = PyObject_IsTrue(stop().ptr());  // whatever stands for a truth, such as numpy's bool
        if (told < 0) throw nb::python_error();
        return told > 0;
    };
}

struct How {
    std::optional<std::string> kernels;
    int n_threads;
    nb::object stop;
    double look_every;  // seconds

    Crew crew() const {
        need(n_threads > 0, "n_threads must be above zero, got " + std::to_string(n_threads) + ".");
        need(look_every >= 0.0 && look_every <= 60.0, "look_every must be between 0 and 60 seconds, got " + std::to_string(look_every) + ".");
        return Crew(kernels_of(kernels), n_threads, asked(stop), look_every);
    }
};

nb::tuple py_fit(const std::vector<int>& sizes, Array<double, 2> values, Array<std::int32_t, 2> kinds,
                 const std::vector<nb::object>& rows, std::optional<Array<std::uint8_t, 2>> free, int n_steps, Array<double, 1> ridge, Array<double, 1> damping,
                 const How& how) {
    Batch batch(sizes, values, kinds, rows);
    const std::size_t n = batch.n, places = batch.layout.n_places;
    need(!free || (free->shape(0) == n && free->shape(1) == places), "free must have the shape of values, got " + (free ? shape(*free) : "") + ".");
    need(ridge.shape(0) == n && damping.shape(0) == n, "ridge and damping must have shape (" + std::to_string(n) + ",), got " + shape(ridge) + " and " + shape(damping) + ".");
    std::vector<double> error(n), last_damping(n);
    std::vector<std::int64_t> accepted(n);
    Crew crew = how.crew();
    {
        const nb::gil_scoped_release released;
        crew.each(int(n), [&](int i, Worker& worker) {
            const Moving moving = batch.moving(i, free ? free->data() + i * places : nullptr);
            const Fitted found = fit(moving, batch.data(i), {n_steps, ridge.data()[i], damping.data()[i]}, worker);
            moving.write(found.values.data(), batch.networks[i]);
            error[i] = found.error;
            last_damping[i] = found.damping;
            accepted[i] = found.accepted;
        });
    }
    std::vector<double> all;
    all.reserve(n * places);
    for (const Network& network : batch.networks) all.insert(all.end(), network.values.begin(), network.values.end());
    return nb::make_tuple(give(std::move(all), {n, places}), give(std::move(error), {n}), give(std::move(last_damping), {n}),
                          give(std::move(accepted), {n}));
}

// A criterion that is written in Python, called with what it may know of one network.
Criterion asked_criterion(nb::handle criterion) {
    if (criterion.is_none()) return nullptr;
    return [criterion](const State& state) {
        const nb::gil_scoped_acquire held;
        const std::size_t n = state.moving.size();
        const auto copy = [](const auto& values, std::initializer_list<std::size_t> shape) {
            auto own = values;
            return give(std::move(own), shape);
        };
        const nb::object found =
            criterion("values"_a = copy(state.moving.start, {n}), "matrix"_a = copy(state.matrix, {n, n}),
                      "gradient"_a = copy(state.gradient, {n}), "error"_a = state.error, "ridge"_a = state.ridge,
                      "wanted"_a = state.wanted, "source"_a = copy(state.moving.source, {n}),
                      "target"_a = copy(state.moving.target, {n}), "removable"_a = copy(state.removable, {n}));
        const auto marks = array_of<bool>(found, "a criterion must give an array of bool");
        need(marks.shape(0) == n, "a criterion must say of every parameter whether it goes, got " +
                                      std::to_string(marks.shape(0)) + " answers for " + std::to_string(n) + ".");
        std::vector<unsigned char> removed(n);
        bool some = false;
        for (std::size_t i = 0; i < n; ++i) some |= (removed[i] = marks.data()[i] && state.removable[i]) != 0;
        need(some, "a criterion must choose at least one parameter that may go, got none.");
        return removed;
    };
}

nb::tuple py_prune(const std::vector<int>& sizes, Array<double, 2> values, Array<std::int32_t, 2> kinds,
                   const std::vector<nb::object>& rows, Array<std::int64_t, 1> smallest, int n_polish, double share, bool x_centred, bool y_centred,
                   nb::object criterion, const How& how) {
    Batch batch(sizes, values, kinds, rows);
    const std::size_t n = batch.n, places = batch.layout.n_places, neurons = batch.layout.n_neurons;
    need(smallest.shape(0) == n, "smallest must have shape (" + std::to_string(n) + ",), got " + shape(smallest) + ".");
    struct Met {
        std::vector<double> values, error;
        std::vector<std::int32_t> kinds;
        std::vector<std::int64_t> size;
    };
    std::vector<Met> met(n);
    const Criterion chooses = asked_criterion(criterion);
    Crew crew = how.crew();
    {
        const nb::gil_scoped_release released;
        crew.each(int(n), [&](int i, Worker& worker) {
            const Pruning pruning{n_polish, int(smallest.data()[i]), share, {x_centred, y_centred}};
            Met& own = met[i];
            prune(batch.networks[i], batch.data(i), pruning, chooses, worker,
                  [&](const Network& network, int size, double error) {
                      own.values.insert(own.values.end(), network.values.begin(), network.values.end());
                      own.kinds.insert(own.kinds.end(), network.kinds.begin(), network.kinds.end());
                      own.size.push_back(size);
                      own.error.push_back(error);
                  });
        });
    }
    Met all;
    std::vector<std::int64_t> origin;
    for (std::size_t i = 0; i < n; ++i) {
        all.values.insert(all.values.end(), met[i].values.begin(), met[i].values.end());
        all.kinds.insert(all.kinds.end(), met[i].kinds.begin(), met[i].kinds.end());
        all.size.insert(all.size.end(), met[i].size.begin(), met[i].size.end());
        all.error.insert(all.error.end(), met[i].error.begin(), met[i].error.end());
        origin.insert(origin.end(), met[i].size.size(), std::int64_t(i));
        met[i] = Met();
    }
    const std::size_t total = origin.size();
    return nb::make_tuple(give(std::move(all.values), {total, places}), give(std::move(all.kinds), {total, neurons}),
                          give(std::move(all.size), {total}), give(std::move(all.error), {total}),
                          give(std::move(origin), {total}));
}

// One result of so many rows of data for each network, cut to the rows that there are; None if it was stopped.
template <class Function>
std::optional<Made<double>> by_rows(const Batch& batch, const How& how, std::size_t n_each, const Function& function) {
    const std::size_t n = batch.n, n_rows = n ? batch.data(0).n_rows : 0;
    for (std::size_t i = 0; i < n; ++i)
        need(std::size_t(batch.data(int(i)).n_rows) == n_rows, "all rows must be equally many.");
    std::vector<double> result(n * n_each * n_rows);
    std::atomic<bool> whole{true};
    Crew crew = how.crew();
    {
        const nb::gil_scoped_release released;
        crew.each(int(n), [&](int i, Worker& worker) {
            const Data& data = batch.data(i);
            std::vector<double> padded(n_each * data.stride);
            if (!function(i, data, worker, padded.data())) {
                whole = false;
                return;
            }
            for (std::size_t k = 0; k < n_each; ++k)
                std::memcpy(&result[(i * n_each + k) * n_rows], &padded[k * data.stride], sizeof(double) * n_rows);
        });
    }
    if (!whole) return std::nullopt;
    return give(std::move(result), {n, n_each, n_rows});
}

std::optional<Made<double>> py_outputs(const std::vector<int>& sizes, Array<double, 2> values, Array<std::int32_t, 2> kinds,
                        const std::vector<nb::object>& rows, const How& how) {
    Batch batch(sizes, values, kinds, rows);
    return by_rows(batch, how, batch.layout.sizes.back(), [&](int i, const Data& data, Worker& worker, double* result) {
        const Moving moving = batch.moving(i, nullptr);
        const Program program = moving.program();
        return worker.kernels.outputs(program, moving.start.data(), data, worker.scratch(program, data), result);
    });
}

// What a loss pulls at the input of each neuron (0 for missing ones) and, last, at the outputs.
std::optional<Made<double>> py_pull(const std::vector<int>& sizes, Array<double, 2> values, Array<std::int32_t, 2> kinds,
                     const std::vector<nb::object>& rows, const How& how) {
    Batch batch(sizes, values, kinds, rows);
    const int n_neurons = batch.layout.n_neurons;
    return by_rows(batch, how, n_neurons + 1, [&](int i, const Data& data, Worker& worker, double* result) {
        const Moving moving = batch.moving(i, nullptr);
        const Program program = moving.program();
        if (!worker.kernels.pull(program, moving.start.data(), data, worker.scratch(program, data), result)) return false;
        int from = program.n_neurons;
        for (int to = n_neurons; to >= 0; --to) {  // from living neurons to all of them
            const bool living = to == n_neurons || batch.networks[i].kinds[to] >= 0;
            if (living && from != to) std::memcpy(result + to * data.stride, result + from * data.stride, sizeof(double) * data.stride);
            if (!living) std::memset(result + to * data.stride, 0, sizeof(double) * data.stride);
            from -= living;
        }
        return true;
    });
}

// Normal equations of one network, for tests and for whoever needs its curvature: matrix, gradient, mean loss, places.
nb::tuple py_equations(const std::vector<int>& sizes, Array<double, 2> values, Array<std::int32_t, 2> kinds,
                       const std::vector<nb::object>& rows, std::optional<Array<std::uint8_t, 2>> free, const How& how) {
    Batch batch(sizes, values, kinds, rows);
    need(batch.n == 1, "values must be those of one network, got " + std::to_string(batch.n) + ".");
    need(!free || (free->shape(0) == 1 && int(free->shape(1)) == batch.layout.n_places), "free must have the shape of values, got " + (free ? shape(*free) : "") + ".");
    const Moving moving = batch.moving(0, free ? free->data() : nullptr);
    const Program program = moving.program();
    const Data& data = batch.data(0);
    const std::size_t n = moving.size(), outputs = data.n_outputs;
    std::vector<double> matrix(n * n), gradient(n), derivatives(outputs * n * data.stride);
    double error;
    Worker worker(kernels_of(how.kernels), nullptr, nullptr);
    worker.kernels.equations(program, moving.start.data(), data, worker.scratch(program, data), matrix.data(), gradient.data(), &error);
    worker.kernels.jacobian(program, moving.start.data(), data, worker.scratch(program, data), derivatives.data());
    std::vector<std::int64_t> place(moving.place.begin(), moving.place.end());
    return nb::make_tuple(give(std::move(matrix), {n, n}), give(std::move(gradient), {n}), error, give(std::move(place), {n}),
                          give(std::move(derivatives), {outputs, n, std::size_t(data.stride)}));
}

Made<std::int64_t> py_count(const std::vector<int>& sizes, Array<double, 2> values, Array<std::int32_t, 2> kinds,
                            bool x_centred, bool y_centred) {
    Batch batch(sizes, values, kinds);
    std::vector<std::int64_t> count;
    for (const Network& network : batch.networks) count.push_back(count_parameters(network, {x_centred, y_centred}));
    return give(std::move(count), {std::size_t(batch.n)});
}

// Rise of the loss without each parameter alone; None if it was stopped.
std::optional<Made<double>> py_saliencies(const std::vector<int>& sizes, Array<double, 2> values, Array<std::int32_t, 2> kinds,
                           const std::vector<nb::object>& rows, std::optional<Array<std::uint8_t, 2>> free, double ridge,
                           const How& how) {
    Batch batch(sizes, values, kinds, rows);
    const std::size_t n = batch.n, places = batch.layout.n_places;
    need(!free || (free->shape(0) == n && free->shape(1) == places), "free must have the shape of values, got " + (free ? shape(*free) : "") + ".");
    std::vector<double> result(n * places, 0.0);
    std::atomic<bool> whole{true};
    Crew crew = how.crew();
    {
        const nb::gil_scoped_release released;
        crew.each(int(n), [&](int i, Worker& worker) {
            const Moving moving = batch.moving(i, free ? free->data() + i * places : nullptr);
            std::vector<double> rise(moving.size());
            if (!saliencies(moving, batch.data(i), ridge, worker, rise.data())) whole = false;
            for (int p = 0; p < moving.size(); ++p) result[i * places + moving.place[p]] = rise[p];
        });
    }
    if (!whole) return std::nullopt;
    return give(std::move(result), {n, places});
}

// What Optimal Brain Surgeon takes from one network, given a curvature over all places; for tests.
Made<std::uint8_t> py_removals(const std::vector<int>& sizes, Array<double, 2> values, Array<std::int32_t, 2> kinds,
                               Array<double, 2> matrix, Array<std::uint8_t, 1> removable, double ridge, double wanted,
                               const How& how) {
    Batch batch(sizes, values, kinds);
    const std::size_t places = batch.layout.n_places;
    need(batch.n == 1, "values must be those of one network, got " + std::to_string(batch.n) + ".");
    need(matrix.shape(0) == places && matrix.shape(1) == places && removable.shape(0) == places,
         "matrix and removable must be of all " + std::to_string(places) + " places.");
    const Moving moving = batch.moving(0, nullptr);
    const std::size_t n = moving.size();
    std::vector<double> part(n * n), gradient(n, 0.0);
    std::vector<unsigned char> may_go(n);
    bool some = false;
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < n; ++k) part[i * n + k] = matrix.data()[moving.place[i] * places + moving.place[k]];
        may_go[i] = removable.data()[moving.place[i]];
        some = some || may_go[i];
    }
    need(some, "removable must have a parameter that is not zero.");
    const State state{batch.networks[0], moving, part, gradient, 0.0, ridge, wanted, may_go};
    const std::vector<unsigned char> removed = optimal_brain_surgeon(state, kernels_of(how.kernels));
    std::vector<std::uint8_t> marks(places, 0);
    for (std::size_t i = 0; i < n; ++i) marks[moving.place[i]] = removed[i];
    return give(std::move(marks), {places});
}

Made<double> py_elementary(const std::string& function, Array<double, 1> x, const How& how) {
    const char* const names[] = {"exp", "sin", "cos", "tanh"};
    int which = 0;
    while (which < 4 && function != names[which]) ++which;
    need(which < 4, "function must be exp, sin, cos or tanh, got '" + function + "'.");
    const std::size_t n = x.shape(0), padded = (n + kLanes - 1) / kLanes * kLanes;
    std::vector<double> from(padded, 0.0), result(padded);
    std::copy_n(x.data(), n, from.data());
    kernels_of(how.kernels).elementary(which, from.data(), padded, result.data());
    result.resize(n);
    return give(std::move(result), {n});
}

std::vector<std::string> py_kernel_names() {
    std::vector<std::string> names;
    for (const char* const* name = kernel_names(); *name; ++name) names.emplace_back(*name);
    return names;
}

}  // namespace
}  // namespace sk_swat

NB_MODULE(_core, module) {
    using namespace sk_swat;
    nb::set_leak_warnings(false);  // what a program keeps until it ends is no leak
    module.doc() = "Networks as lists of their parameters: evaluation, Levenberg-Marquardt and pruning.";
    nb::class_<Rows>(module, "Rows")
        .def(nb::init<Array<double, 2>, Array<double, 2>, std::optional<Array<double, 1>>, nb::object, nb::object>(), "X"_a,
             "y"_a, "weight"_a.none(), "loss"_a.none(), "activations"_a.none());
    nb::class_<How>(module, "How").def(
        "__init__",
        [](How* self, std::optional<std::string> kernels, int n_threads, nb::object stop, double look_every) {
            new (self) How{kernels, n_threads, stop, look_every};
        },
        "kernels"_a.none() = nb::none(), "n_threads"_a = 1, "stop"_a.none() = nb::none(), "look_every"_a = 0.01);
    module.def("fit", &py_fit, "sizes"_a, "values"_a, "kinds"_a, "rows"_a, "free"_a.none(), "n_steps"_a,
               "ridge"_a, "damping"_a, "how"_a);
    module.def("prune", &py_prune, "sizes"_a, "values"_a, "kinds"_a, "rows"_a, "smallest"_a, "n_polish"_a,
               "share"_a, "x_centred"_a, "y_centred"_a, "criterion"_a.none(), "how"_a);
    module.def("outputs", &py_outputs, "sizes"_a, "values"_a, "kinds"_a, "rows"_a, "how"_a);
    module.def("pull", &py_pull, "sizes"_a, "values"_a, "kinds"_a, "rows"_a, "how"_a);
    module.def("equations", &py_equations, "sizes"_a, "values"_a, "kinds"_a, "rows"_a, "free"_a.none(), "how"_a);
    module.def("count", &py_count, "sizes"_a, "values"_a, "kinds"_a, "x_centred"_a, "y_centred"_a);
    module.def("saliencies", &py_saliencies, "sizes"_a, "values"_a, "kinds"_a, "rows"_a, "free"_a.none(), "ridge"_a,
               "how"_a);
    module.def("removals", &py_removals, "sizes"_a, "values"_a, "kinds"_a, "matrix"_a, "removable"_a, "ridge"_a, "wanted"_a,
               "how"_a);
    module.def("elementary", &py_elementary, "function"_a, "x"_a, "how"_a);
    module.def("kernel_names", &py_kernel_names);
}
