"""Models in files: what comes back, and what is said about other files."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sk_swat import SparseMLP, SWATRegressor, __version__
from sk_swat.estimators.model_file import FORMAT, load_model, save_model
from sk_swat.utils.files import write_file


@pytest.fixture(scope="module")
def model(refined, table):
    return refined().fit(*table)


@pytest.fixture
def saved(model, tmp_path):
    path = tmp_path / "model.json"
    save_model(path, model, feature_names=["a", "b", "c"], target_names=["z"], source="80 rows")
    return path


def test_everything_comes_back(model, saved, table):
    stored = load_model(saved)
    assert (stored.feature_names, stored.target_names, stored.source) == (("a", "b", "c"), ("z",), "80 rows")
    assert stored.chosen == model._row and stored.network() == model.network_
    assert stored.path.networks == model.networks_ and len(stored.path) > 3
    assert stored.network().feature_names == ("a", "b", "c")
    assert np.array_equal(stored.network().predict(table[0]), model.predict(table[0]))
    for name in ("r2_train", "r2_validation", "standard_error"):
        assert np.array_equal(getattr(stored.path, name), getattr(model._path, name))
    assert stored.written_by == __version__
    summaries = [network.fit_summary for network in stored.path.networks]
    assert summaries == [network.fit_summary for network in model.networks_] and None not in summaries


def test_smaller_network_is_the_one_that_select_takes_with_the_same_parameters(refined, table, tmp_path):
    found = []
    for number, changes in enumerate([{"sparsity": 0.0}, {"sparsity": 0.2}, {"one_standard_error": True}]):
        model = refined(**changes).fit(*table)
        save_model(tmp_path / f"{number}.json", model)
        stored = load_model(tmp_path / f"{number}.json")
        sizes = stored.path.n_nonzero.tolist()
        for size in sizes:
            model.select(max_nonzero=size)
            assert stored.network(size) == model.network_ and model.n_nonzero_ <= size
        found.append([stored.row(size) for size in sizes])
        with pytest.raises(ValueError, match="max_nonzero must be at least 1"):
            stored.row(0)
    assert found[0] != found[1] and len(set(found[0])) > 1


def test_chosen_network_is_that_of_select(refined, table, tmp_path):
    model = refined().fit(*table).select(max_nonzero=5)
    save_model(tmp_path / "model.json", model)
    assert load_model(tmp_path / "model.json").network() == model.network_


def test_fit_with_the_stored_parameters_gives_the_same_networks(saved, table):
    stored = load_model(saved)
    again = SWATRegressor(**stored.parameters).fit(*table)
    assert again.networks_ == stored.path.networks


def test_names_are_those_of_the_frame_or_numbered(refined, table, tmp_path):
    X, y = table
    frame = pd.DataFrame(X, columns=["one", "two", "three"])
    save_model(tmp_path / "a.json", refined(n_rounds=0).fit(frame, np.c_[y, y[::-1]]))
    save_model(tmp_path / "b.json", refined(n_rounds=0).fit(X, y))
    save_model(tmp_path / "c.json", refined(n_rounds=0).fit(X, pd.Series(y, name="price")))
    framed, plain = load_model(tmp_path / "a.json"), load_model(tmp_path / "b.json")
    assert (framed.feature_names, framed.target_names) == (("one", "two", "three"), ("y0", "y1"))
    named = load_model(tmp_path / "c.json")
    assert named.target_names == named.network().target_names == ("price",)
    assert (plain.feature_names, plain.target_names, plain.source) == (("x0", "x1", "x2"), ("y",), "")


def test_parameters_that_json_does_not_know_become_text(tmp_path):
    state = np.random.RandomState(0)
    model = SWATRegressor(random_state=state, sparsity=np.float64(0.5), depths=np.array([1])).fit([[1.0]], [2.0])
    save_model(tmp_path / "model.json", model)
    parameters = load_model(tmp_path / "model.json").parameters
    assert (parameters["random_state"], parameters["sparsity"], parameters["depths"]) == (str(state), 0.5, [1])


def test_unknown_validation_stays_unknown(quick, table, tmp_path):
    model = quick(early_stopping=False).fit(*table)
    assert np.isnan(model._path.r2_validation).all()
    save_model(tmp_path / "model.json", model)
    text = (tmp_path / "model.json").read_text()
    assert "NaN" not in text and np.isnan(load_model(tmp_path / "model.json").path.r2_validation).all()


def test_unbounded_r2_stays_the_worst(model, tmp_path, monkeypatch):
    worst = np.where(np.arange(len(model._path)) == 1, -np.inf, model._path.r2_validation)
    monkeypatch.setattr(model._path, "r2_validation", worst)
    save_model(tmp_path / "model.json", model)
    assert load_model(tmp_path / "model.json").path.r2_validation.argmin() == 1


def test_file_is_ascii_with_one_key_a_line(saved):
    lines = saved.read_bytes().decode("ascii").splitlines()
    assert lines[:3] == ["{", f'"format": "{FORMAT}",', '"version": 1,']
    assert len(lines) == len(json.loads(saved.read_text())) + 2


def test_existing_file_is_kept_unless_told_otherwise(model, saved):
    before = saved.read_bytes()
    with pytest.raises(FileExistsError, match=r"'.*model.json' exists already; give another name, or overwrite it"):
        save_model(saved, model)
    assert saved.read_bytes() == before
    save_model(saved, model, overwrite=True)
    assert load_model(saved).feature_names == ("x0", "x1", "x2")


@pytest.mark.parametrize("content", ["new", b"new"])
def test_failed_writing_leaves_the_old_file_alone(content, tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(number):
        assert len(list(tmp_path.iterdir())) == 2
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_file(path, content, overwrite=True)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    write_file(path, content, overwrite=True)
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_places_that_cannot_be_written_are_said(tmp_path, monkeypatch):
    with pytest.raises(IsADirectoryError, match=r"must not be a folder, but '.*' is one; add a file name"):
        write_file(tmp_path, "text", overwrite=True)
    with pytest.raises(FileNotFoundError, match=r"the folder of the file to write must exist, but there is none at"):
        write_file(tmp_path / "none" / "file.txt", "text")
    with pytest.raises(FileExistsError, match=r"must be an ordinary one, but '/dev/null' is not"):
        write_file("/dev/null", "text", overwrite=True)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="no permission to write in its folder"):
        write_file(tmp_path / "file.txt", "text")


@pytest.mark.parametrize("model", [SWATRegressor(), "model", None])
def test_only_fitted_regressors_are_written(model, tmp_path):
    with pytest.raises(TypeError, match="model must be a fitted regressor of sk_swat, got"):
        save_model(tmp_path / "model.json", model)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"feature_names": ["a", "b"]}, r"`feature_names` must hold 3 different names, got 'a', 'b'"),
        ({"feature_names": ["a", "b", "a"]}, "`feature_names` must hold 3 different names"),
        ({"target_names": ["a", "b"]}, "`target_names` must hold 1 different names"),
        ({"feature_names": [1, 2, 3]}, "`feature_names` must be a list of names"),
    ],
)
def test_wrong_names_are_said(names, message, model, tmp_path):
    with pytest.raises((TypeError, ValueError), match=message):
        save_model(tmp_path / "model.json", model, **names)


def test_missing_file_and_folder_are_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a model must be a JSON file, but there is none at '.*none.json'"):
        load_model(tmp_path / "none.json")
    with pytest.raises(IsADirectoryError, match=r"a model must be a JSON file, but '.*' is a folder"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as JSON"),
        (b"\xff\xfe\xfa", "cannot be read as JSON"),
        (b"a,b\n1,2\n", "cannot be read as JSON"),
        (b"[" * 100_000, "cannot be read as JSON"),
        (b"[]", "with the format 'sk_swat model', got None; write one with `sk-swat fit`"),
        (b'{"schema": "sk_swat.SparseMLP"}', "with the format 'sk_swat model', got None"),
        (b'{"format": "another"}', "with the format 'sk_swat model', got 'another'"),
        (b'{"format": "sk_swat model", "version": 2}', "of version 1, got 2; a newer version needs a newer sk_swat"),
        (b'{"format": "sk_swat model", "version": 1}', r"is damaged \('written_by' is missing\); write it again"),
    ],
)
def test_other_files_are_said(content, message, tmp_path):
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        load_model(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("chosen",), 99, "`chosen` must be from 0 to"),
        (("chosen",), True, "`chosen` must be from 0 to"),
        (("chosen",), -1, "`chosen` must be from 0 to"),
        (("feature_names",), ["a", "b"], "`feature_names` must hold 3 different names"),
        (("feature_names",), "abc", "`feature_names` must be a list of names"),
        (("target_names",), [], "`target_names` must hold 1 different names"),
        (("path",), [], "list indices"),
        (("path", "networks"), [], "must hold at least one network"),
        (("path", "networks"), [{}], "`schema` must be"),
        (
            ("path", "networks", 1),
            SparseMLP.constant(1, 1.0).to_dict(),
            "must have the same numbers of inputs and outputs",
        ),
        (("path", "networks", 1, "intercepts"), [[None], [1.0]], "must hold real numbers"),
        (("path", "r2_train"), [0.5], "`r2_train` must have the shape"),
        (("path", "r2_train", 0), "much", "could not convert"),
        (("path", "r2_validation", 0), 10**400, "too large"),
        (("fit_summary",), [], "stored fit summary must be an object with the keys mean, "),
        (("fit_summary", "mean"), [0.0], "`mean` of a fit summary must hold 3 numbers, got 1"),
        (("fit_summary", "spread", 0), -1.0, "`spread` of a fit summary must hold numbers of at least 0, got -1.0"),
        (("fit_summary", "target_mean", 0), 10**400, "`target_mean` of a fit summary must hold finite numbers"),
        (("path", "rounding_losses", 0), None, "`rounding_losses` of a fit summary must hold finite numbers"),
        (("path", "rounding_losses"), [], "shorter"),
        (("path", "standard_error"), [[0.0]], "`standard_error` must have the shape"),
        (("parameters",), None, "`parameters` must be an object, got None"),
        (("parameters",), {}, "'sparsity' is missing"),
        (("parameters", "compactness"), "1e-5", "`compactness` must be a finite number of at least 0, got '1e-5'"),
        (("parameters", "sparsity"), -1, "`sparsity` must be a finite number of at least 0, got -1"),
        (("parameters", "sparsity"), float("nan"), "`sparsity` must be a finite number of at least 0, got nan"),
        (("parameters", "sparsity"), 10**400, "too large"),
        (("parameters", "one_standard_error"), 1, "`one_standard_error` must be true or false, got 1"),
    ],
)
def test_damage_is_said(place, value, message, saved):
    document = json.loads(saved.read_text())
    part = document
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    saved.write_text(json.dumps(document))
    with pytest.raises(
        ValueError, match=rf"the model file '.*model.json' is damaged \(.*{message}.*\); write it again"
    ):
        load_model(saved)


def test_truncated_file_is_no_model(saved):
    content = saved.read_bytes()
    for share in (0.1, 0.5, 0.99):
        saved.write_bytes(content[: int(share * len(content))])
        with pytest.raises(ValueError, match="cannot be read as JSON"):
            load_model(saved)


ODD = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        2.5,
        1e308,
        float("nan"),
        float("inf"),
        10**400,
        "",
        "x" * 10**5,
        "\x1b[2J",
        [],
        {},
        [[]],
        [None],
    ]
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_of_a_file_is_refused_in_few_words_or_gives_a_whole_model(saved, tmp_path, data):
    document = json.loads(saved.read_text())
    part, key = {"document": document}, "document"
    while isinstance(part[key], (dict, list)) and part[key] and data.draw(st.integers(0, 9), label="deeper"):
        part = part[key]
        key = data.draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))), label="key")
    part[key] = data.draw(ODD, label="value")
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(part[key] if key == "document" else document))
    try:
        model = load_model(path)
    except ValueError as error:
        assert len(str(error)) < 1000
    else:
        assert len(model.path) > 3 and model.network(5).n_nonzero <= 5
        assert model.network().predict([[1.0, 2.0, 3.0]]).shape == (1,)
