"""CITATION.cff says what the package says of itself, in the form that citation tools read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

import sk_swat

ROOT = Path(__file__).parents[1]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_citation_has_the_keys_of_its_format():
    assert CITATION["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "type", "version", "license"} <= set(CITATION)
    assert CITATION["type"] == "software" and CITATION["title"] == "sk_swat"
    for reference in CITATION["references"]:
        assert {"type", "title", "authors", "year", "url"} <= set(reference)
        assert all(author["family-names"] for author in reference["authors"])


def test_citation_agrees_with_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert CITATION["version"] == project["version"] == sk_swat.__version__
    assert CITATION["license"] == project["license"]
    assert CITATION["authors"] == project["authors"]
    assert CITATION["keywords"] == project["keywords"]


def test_papers_are_those_of_the_readme():
    cited = re.findall(r"https://arxiv\.org/abs/([\d.]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    papers = [reference["url"].rpartition("/")[2] for reference in CITATION["references"]]
    assert papers == list(dict.fromkeys(cited))
    dois = [reference["identifiers"][0]["value"] for reference in CITATION["references"]]
    assert dois == [f"10.48550/arXiv.{paper}" for paper in papers]
