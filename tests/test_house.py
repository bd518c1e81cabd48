"""Imports run downwards through the rooms of the package, and the picture of the house is that of the code."""

import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def house():
    sys.path.insert(0, str(DOCS))
    try:
        import house
    finally:
        sys.path.remove(str(DOCS))
    return house


@pytest.fixture(scope="module")
def found(house):
    return house.imports(house.ROOT / "sk_swat")


def test_imports_run_downwards_but_those_that_are_listed(house, found):
    assert house.upward(found) == []
    assert set(house.UPWARD) <= set(house.between_rooms(found)), "listed, but not there any more"
    assert len(house.UPWARD) <= 4


def test_an_upward_import_is_found(house, found):
    pair = ("sk_swat.utils.labels", "sk_swat.network.sparse_mlp")
    assert house.upward([*found, pair]) == [("sk_swat.utils.labels", "network")]
    assert house.upward([*found, pair[::-1]]) == []


def test_imports_within_functions_and_of_whole_modules_count(house, tmp_path):
    for room in ("low", "high"):
        (tmp_path / "sk_swat" / room).mkdir(parents=True)
    low = "def f():\n    from sk_swat.high.two import g\n    import numpy\n"
    (tmp_path / "sk_swat" / "low" / "one.py").write_text(low)
    (tmp_path / "sk_swat" / "high" / "__init__.py").write_text("import sk_swat.low.one\n")
    assert house.imports(tmp_path / "sk_swat") == [
        ("sk_swat.high", "sk_swat.low.one"),
        ("sk_swat.low.one", "sk_swat.high.two"),
    ]


def test_house_has_twelve_rooms_and_nothing_loose_beside_them(house):
    package = house.ROOT / "sk_swat"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    assert rooms == set(house.ROOMS) and len(rooms) <= 12
    assert {path.name for path in package.glob("*.py")} <= {"__init__.py", "__main__.py"}


def test_modules_and_signatures_are_short(house):
    package = house.ROOT / "sk_swat"
    assert {name: n_lines for name, n_lines in house.modules(package).items() if n_lines > 400} == {}
    assert house.long_signatures(package) == ["make_planted_mlp"]  # public, with settings as a constructor has
    assert "main" in house.long_signatures(Path(house.__file__).parent, most=-1)


def test_picture_is_that_of_the_imports(house, found):
    drawn = house.draw(found)
    assert house.PICTURE.read_text(encoding="utf-8") == drawn, "run python docs/house.py"
    assert set(re.findall(r'font-weight="bold"[^>]*>(\w+)', drawn)) == set(house.ROOMS)
