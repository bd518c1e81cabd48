"""The workflow that builds wheels covers the systems and versions that are promised, and tests what it builds."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "wheels.yml").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BUILD = PROJECT["tool"]["cibuildwheel"]


def test_every_system_is_built_on_its_own_processor():
    runners = {row["system"]: row["runner"] for row in WORKFLOW["jobs"]["wheels"]["strategy"]["matrix"]["include"]}
    assert {name: re.match(r"[a-z]+", runner).group() for name, runner in runners.items()} == {
        "linux-x86_64": "ubuntu",
        "linux-aarch64": "ubuntu",
        "macos-arm64": "macos",
        "macos-x86_64": "macos",
        "windows-amd64": "windows",
    }
    assert runners["linux-aarch64"].endswith("-arm") and runners["macos-x86_64"].endswith("-intel")


def test_wheels_begin_with_the_first_version_that_is_supported():
    first = re.fullmatch(r">=3\.(\d+)", PROJECT["project"]["requires-python"]).group(1)
    minors = [int(re.fullmatch(r"cp3(\d+)-\*", one).group(1)) for one in BUILD["build"]]
    assert minors == list(range(int(first), int(first) + len(minors)))


def test_each_wheel_is_tested_and_kept():
    (script,) = re.findall(r"\{project\}/(\S+)", BUILD["test-command"])
    assert (ROOT / script).exists()
    steps = WORKFLOW["jobs"]["wheels"]["steps"]
    (without_torch,) = [step for step in steps if "if" in step]
    assert BUILD["test-skip"] == "*-macosx_x86_64" and "macos-x86_64" in without_torch["if"]
    assert f"python -P {script} --core" in without_torch["run"]
    needed = {re.match(r"[\w-]+", line).group() for line in PROJECT["project"]["dependencies"]}
    assert needed - set(without_torch["run"].split()) == {"torch", "skorch"}
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    kept = [step["with"] for step in steps if "upload-artifact" in step.get("uses", "")]
    assert [step["path"] for step in kept] == ["wheelhouse/*.whl", "dist/*.tar.gz"]


def test_windows_compiles_with_clang():
    assert BUILD["windows"]["environment"]["CMAKE_ARGS"] == "-TClangCL"
    assert "CMAKE_ARGS=-TClangCL" in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
