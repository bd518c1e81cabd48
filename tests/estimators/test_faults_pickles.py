"""Pickles of other versions are told; those of this one are what they were."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest

from sk_swat import SparseMLP, SWATRegressor
from sk_swat.utils.pickling import FORMAT_VERSION

REMEDY = "fit again, or load it with the version of sk_swat that wrote it and take the network over with to_json"


def network():
    return SparseMLP([[[1.0], [0.0]], [[2.0]]], [[0.0], [3.0]], [["tanh"]], ["a", "b"])


def through_joblib(thing):
    file = io.BytesIO()
    joblib.dump(thing, file)
    file.seek(0)
    return joblib.load(file)


def pickle_changed(thing, change):
    """Pickle of an object whose state is changed on the way."""

    class Pickler(pickle.Pickler):
        def reducer_override(self, found):
            if found is not thing:
                return NotImplemented
            make, arguments, state = found.__reduce_ex__(2)[:3]
            return make, arguments, change(state)

    file = io.BytesIO()
    Pickler(file).dump(thing)
    return file.getvalue()


def without(*names):
    return lambda state: {name: value for name, value in state.items() if name not in names}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_brings_regressor_and_network_back(refined, table, protocol):
    model = refined().fit(*table)
    twin = pickle.loads(pickle.dumps(model, protocol))
    assert vars(twin).keys() == vars(model).keys() and twin.get_params() == model.get_params()
    assert twin.select(max_nonzero=5).network_ == model.select(max_nonzero=5).network_
    assert pickle.loads(pickle.dumps(network(), protocol)) == network()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, through_joblib])
def test_copies_of_a_regressor_hold_no_more_than_it_does(quick, table, copied):
    unfitted = quick()
    assert vars(copied(unfitted)) == vars(unfitted)
    fitted = quick().fit(*table)
    assert vars(copied(fitted)).keys() == vars(fitted).keys()
    np.testing.assert_array_equal(copied(fitted).predict(table[0]), fitted.predict(table[0]))


@pytest.mark.parametrize("make", [network, SWATRegressor])
@pytest.mark.parametrize(
    ("change", "version"),
    [
        (lambda state: state | {"sk_swat_format": FORMAT_VERSION + 1}, str(FORMAT_VERSION + 1)),
        (without("sk_swat_format"), "None"),
        (lambda state: [state], "None"),
    ],
)
def test_pickle_of_another_version_is_told(make, change, version):
    thing = make()
    with pytest.raises(ValueError) as caught:
        pickle.loads(pickle_changed(thing, change))
    start = f"a pickled {type(thing).__name__} must be of format version {FORMAT_VERSION}, got {version}; {REMEDY}"
    assert str(caught.value).startswith(start)


def test_pickle_without_an_attribute_is_told(quick, table):
    fitted = quick().fit(*table)
    for thing, missing in [
        (network(), "intercepts"),
        (quick(), "n_generations"),
        (fitted, "_path"),
        (fitted, "n_features_in_"),
    ]:
        with pytest.raises(ValueError, match=rf"a pickled {type(thing).__name__} must hold {missing}, .*; {REMEDY}"):
            pickle.loads(pickle_changed(thing, without(missing)))


def test_regressor_that_holds_a_network_of_another_version_is_told(quick, table):
    fitted = quick().fit(*table)

    class Pickler(pickle.Pickler):
        def reducer_override(self, found):
            if not isinstance(found, SparseMLP):
                return NotImplemented
            make, arguments, state = found.__reduce_ex__(2)[:3]
            return make, arguments, without("sk_swat_format")(state)

    file = io.BytesIO()
    Pickler(file).dump(fitted)
    with pytest.raises(ValueError, match=f"a pickled SparseMLP must be of format version {FORMAT_VERSION}, got None"):
        pickle.loads(file.getvalue())


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.99])
def test_truncated_pickle_gives_an_error_and_no_object(quick, table, share):
    content = pickle.dumps(quick().fit(*table))
    with pytest.raises((EOFError, pickle.UnpicklingError)):
        pickle.loads(content[: int(share * len(content))])


def test_a_change_of_what_pickles_hold_raises_their_version(refined, table):
    # where this fails: raise FORMAT_VERSION in sk_swat/utils/pickling.py, then write the new names and number here
    model = refined(warm_start=True).fit(*table)
    assert FORMAT_VERSION == 2
    assert set(vars(model)) - set(model.get_params()) == {
        *("network_", "coefs_", "intercepts_", "activations_", "hidden_layer_sizes_", "support_", "n_nonzero_"),
        *("depth_", "latent_", "best_loss_", "n_iter_", "fit_report_", "candidates_", "search_report_"),
        *("n_features_in_", "_path", "_row", "_prices", "_shares", "_latents", "_start"),
    }
    assert set(vars(model._path)) == {
        *("networks", "r2_train", "r2_validation", "standard_error", "n_nonzero", "n_neurons", "n_inputs"),
    }
    assert set(model.network_.__getstate__()) == {
        "coefs",
        "intercepts",
        "activations",
        "feature_names",
        "target_names",
        "fit_summary",
        "sk_swat_format",
    }
