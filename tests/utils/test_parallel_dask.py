"""The workers of a Dask cluster find what a serial fit finds."""

import time
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV

from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask
from sk_swat.utils.deadline import Deadline
from sk_swat.utils.parallel import run_parallel


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes."""
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(**options) as workers, Client(workers) as client:
        client.wait_for_workers(2)
        yield client


@pytest.fixture
def on_cluster(cluster, seeded):
    """Let joblib send its work to the cluster."""
    with joblib.parallel_config(backend="dask"):
        yield cluster


def test_path_found_by_a_cluster_is_that_of_a_serial_fit(refined, table, on_cluster):
    model = refined(depths=(1, 2), early_stopping=False)  # starts, children and folds
    with joblib.parallel_config(backend="sequential"):
        expected = model.fit(*table).networks_, model.path_
    model.set_params(n_jobs=2).fit(*table)
    assert model.networks_ == expected[0] and model.path_.equals(expected[1])


def test_grid_search_on_a_cluster_finds_what_a_serial_one_finds(quick, table, on_cluster):
    grid = {"depths": [(1,), (1, 2)]}
    with joblib.parallel_config(backend="sequential"):
        expected = GridSearchCV(quick(), grid, cv=2).fit(*table)
    search = GridSearchCV(quick(n_jobs=2), grid, cv=2, n_jobs=2).fit(*table)
    assert search.best_estimator_.network_ == expected.best_estimator_.network_
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])


def test_pieces_run_in_both_workers_on_one_thread_each(on_cluster):
    def where():  # sent by value: workers cannot import tests
        from distributed import get_worker

        time.sleep(0.1)  # so that the other worker gets some too
        return get_worker().address, torch.get_num_threads()

    def set_and_tell():
        torch.set_num_threads(3)
        return where()

    before = joblib.Parallel(batch_size=1)(joblib.delayed(set_and_tell)() for _ in range(6))
    inside = run_parallel([where] * 6, None)
    after = joblib.Parallel(batch_size=1)(joblib.delayed(where)() for _ in range(6))
    addresses = on_cluster.scheduler_info()["workers"]
    assert len(addresses) == 2
    for found, n_threads in ((before, 3), (inside, 1), (after, 3)):
        assert set(found) == {(address, n_threads) for address in addresses}


def test_one_job_stays_at_home(on_cluster):
    here = torch.zeros(1)  # a piece that ran elsewhere would change a copy
    run_parallel([partial(here.add_, 1)] * 2, n_jobs=1)
    assert here.item() == 2


def test_work_on_a_cluster_ends_in_time(hard_networks, table, on_cluster):
    rows = Table(*(torch.tensor(part) for part in table))
    work = partial(fit_networks, hard_networks(1), RefineTask(rows, deadline=Deadline(1.0)), n_steps=10**7)
    results = run_parallel([work] * 4, None)  # twice as many as run at a time; without the deadline, for hours
    assert all(torch.isfinite(result.error).all() for result in results)
