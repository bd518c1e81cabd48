"""What importing the package brings in, and what it costs."""

import json
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import sk_swat

ROOT = str(Path(sk_swat.__file__).parents[1])


def run(code):
    """Standard output of a fresh interpreter, as JSON."""
    arguments = [sys.executable, "-c", f"import sys; sys.path.insert(0, {ROOT!r})\n{code}"]
    ran = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize(
    "code",
    [
        "import sk_swat",
        "from sk_swat import SWATRegressor, SparseMLP; SWATRegressor().get_params()",
        "from sk_swat.datasets import load_cornn",
        "from sk_swat.export import to_c, to_sympy, to_torch",
        # a constant target needs no search
        "from sk_swat import SWATCompressor, SparseMLP; SWATCompressor(SparseMLP.constant(1, 1.0)).fit([[0], [1]])",
        "from sk_swat import SWATRegressor; SWATRegressor().fit([[1.0], [2.0]], [3.0, 3.0]).predict([[4.0]])",
    ],
)
def test_torch_is_not_imported_before_a_search(code):
    names = ("torch", "skorch", "matplotlib", "sympy")
    heavy = run(f"{code}\nimport json\nprint(json.dumps([m for m in {names} if m in sys.modules]))")
    assert heavy == []


def test_package_alone_imports_no_pandas():
    """scikit-learn imports it, where it is imported itself."""
    assert run("import sk_swat, sk_swat.cli, json\nprint(json.dumps('pandas' in sys.modules))") is False


def test_import_costs_less_than_half_a_second_beyond_scikit_learn():
    code = (
        "import json, time\nimport sklearn.base, sklearn.utils.validation\nbegin = time.process_time()\n"
        "import sk_swat\nprint(json.dumps(time.process_time() - begin))"
    )
    assert statistics.median(run(code) for _ in range(3)) < 0.5


def test_sources_without_the_compiled_core_say_what_to_do(tmp_path):
    ignored = shutil.ignore_patterns("_core.*", "__pycache__", "checkpoints")
    shutil.copytree(Path(ROOT) / "sk_swat", tmp_path / "sk_swat", ignore=ignored)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import sk_swat.refine"
    command = [sys.executable, "-S", "-c", code]  # no editable install takes its place
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "sk_swat needs its compiled core, got sources without it in" in ran.stderr
    assert "run pip install -e . in it" in ran.stderr


def test_public_names_are_importable_and_listed():
    assert set(sk_swat.__all__) == {"LatentDescentRegressor", "SWATCompressor", "SWATRegressor", "SparseMLP"}
    assert all(hasattr(sk_swat, name) for name in sk_swat.__all__)
    assert sk_swat.__version__


def test_package_does_not_need_the_benchmarks():
    """They lie beside it in the repository, and are not in the wheel."""
    lines = [line for path in Path(sk_swat.__file__).parent.rglob("*.py") for line in path.read_text().splitlines()]
    assert not [line for line in lines if re.match(r"\s*(from|import) benchmarks\b", line)]
