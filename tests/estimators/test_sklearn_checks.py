"""scikit-learn's own estimator checks, one test each; none is expected to fail."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sk_swat import LatentDescentRegressor, SWATRegressor

# all four depths; tol=1: every improvement counts as settled, so that a search this short does not warn
LATENT_SEARCH = LatentDescentRegressor(
    depths=(1, 2, 3, 4), n_restarts=1, max_iter=1, n_generations=1, tol=1.0, random_state=0
)
REFINED = SWATRegressor(depths=(1,), n_restarts=2, n_rounds=1, random_state=0)


@pytest.mark.usefixtures("seeded")  # one check shuffles by NumPy's global state
@parametrize_with_checks([LATENT_SEARCH])
def test_quick_search_passes_the_check(estimator, check, tiny_checkpoint):
    check(estimator.set_params(checkpoint=str(tiny_checkpoint)))


@pytest.mark.usefixtures("seeded")  # one check shuffles by NumPy's global state
@parametrize_with_checks([REFINED])
def test_quick_regressor_passes_the_check(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # some tables of the checks are noise
@pytest.mark.usefixtures("seeded")  # one check shuffles by NumPy's global state
@parametrize_with_checks([SWATRegressor(random_state=0), LatentDescentRegressor(random_state=0)])
def test_default_regressor_passes_the_check(estimator, check):
    check(estimator)
