"""scikit-learn's own estimator checks for the meta-estimator, one test each; none is expected to fail."""

import pytest
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from sk_swat import SWATCompressor

QUICK = {"depths": (1,), "n_restarts": 2, "n_rounds": 0, "n_generated": 200, "random_state": 0}


@pytest.mark.usefixtures("seeded")  # one check shuffles by NumPy's global state
@parametrize_with_checks([SWATCompressor(Ridge(), **QUICK)])
def test_quick_compressor_passes_the_check(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.usefixtures("seeded")  # one check shuffles by NumPy's global state
@parametrize_with_checks(
    [SWATCompressor(Ridge(), random_state=0), SWATCompressor(Ridge(), objective="accuracy", **QUICK)]
)
def test_other_compressors_pass_the_check(estimator, check):
    check(estimator)
