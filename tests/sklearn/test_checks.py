"""The estimators pass the checks of scikit-learn."""

from collections.abc import Callable

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from pushforward.sklearn import FlowRegressor

#: A weight of two is two rows to the likelihood, but not to the batches.
RANDOM = {
    f"check_sample_weight_equivalence_on_{data}_data": "a fit draws its batches of rows at random"
    for data in ("dense", "sparse")
}


def small() -> FlowRegressor:
    return FlowRegressor(members=1, width=8, depth=1, max_epochs=1, random_state=0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@parametrize_with_checks([small()], expected_failed_checks=lambda _: RANDOM)
def test_scikit_learn_checks(estimator: FlowRegressor, check: Callable[[FlowRegressor], None]) -> None:
    check(estimator)
