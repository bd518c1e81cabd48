"""The examples in docstrings print what they say. They are those of the package that is installed."""

import doctest
import importlib
import pkgutil

import pytest

import sk_swat


def examples():
    for found in pkgutil.walk_packages(sk_swat.__path__, "sk_swat."):
        if not found.name.endswith("__main__"):
            for example in doctest.DocTestFinder().find(importlib.import_module(found.name)):
                if example.examples:
                    yield pytest.param(example, id=example.name)


@pytest.mark.parametrize("example", list(examples()))
def test_example_prints_what_it_says(example):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    printed = []
    runner.run(example, out=printed.append)
    assert not runner.failures, "".join(printed)
