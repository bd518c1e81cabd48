"""The documentation holds together: links lead somewhere, pages are found, code runs, nothing public is missing."""

import ast
import importlib
import inspect
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import benchmarks.__main__
import sk_swat.pretraining.__main__
from sk_swat import SWATRegressor
from sk_swat.cli import app
from sk_swat.network.activations import ACTIVATIONS

ROOT = Path(__file__).parents[1]
DOCS, EXAMPLES = ROOT / "docs", ROOT / "examples"
PAGES = sorted(DOCS.glob("*.md"))
SCRIPTS = sorted(EXAMPLES.glob("*.py"))


def text_of(path):
    return path.read_text(encoding="utf-8")


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(path), flags=re.DOTALL | re.MULTILINE)


def prose(path):
    """Text of a page without code."""
    text = re.sub(r"^```.*?^```", "", text_of(path), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`]*`", "code", text)


def anchors(path):
    """What links to the headings of a page end in."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text_of(path), flags=re.DOTALL | re.MULTILINE), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def source_of(link, page):
    """File from which the target of a link is made: pages of the gallery come from examples."""
    target = (page.parent / link).resolve()
    if target.parent == DOCS / "auto_examples":
        return EXAMPLES / ("GALLERY_HEADER.rst" if target.stem == "index" else f"{target.stem}.py")
    return target


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page):
    links = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    for link in links:
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        source = source_of(path, page) if path else page
        assert source.is_file(), link
        assert not anchor or anchor in anchors(source), link


def test_every_page_is_in_one_table_of_contents():
    entries = [entry for page in PAGES for block in blocks(page, "{toctree}") for entry in block.split("\n")]
    entries = [entry for entry in entries if entry and not entry.startswith(":")]
    included = [name for page in PAGES for name in re.findall(r"^```{include} (.*)$", text_of(page), re.M)]
    wanted = {page.stem for page in PAGES if page.name not in included} - {"index"} | {"auto_examples/index"}
    assert sorted(entries) == sorted(wanted)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_example_has_a_title_and_asks_a_question(script):
    assert script.name.startswith("plot_")
    docstring = ast.get_docstring(ast.parse(text_of(script), script.name))
    title, underline, *rest = docstring.split("\n")
    assert underline == "=" * len(title)
    assert "?" in " ".join(rest)


def test_every_example_has_its_place_in_the_gallery():
    order = runpy.run_path(str(DOCS / "gallery_order.py"))["ORDER"]
    assert sorted(order) == [script.name for script in SCRIPTS]


def test_docs_extra_holds_what_the_examples_import():
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    needed = project["dependencies"] + project["optional-dependencies"]["docs"]
    installed = {re.match(r"[\w-]+", line).group() for line in needed} | {"sk_swat"}
    trees = [ast.parse(text_of(script)) for script in SCRIPTS]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    modules += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    packages = {module.split(".")[0] for module in modules} - sys.stdlib_module_names
    assert {"scikit-learn" if package == "sklearn" else package for package in packages} <= installed


def listed_in_reference():
    """Names in the tables of the reference, by module."""
    listed = {}
    for block in blocks(DOCS / "api.md", "{eval-rst}"):
        module = re.search(r"currentmodule:: (\S+)", block).group(1)
        listed[module] = re.findall(r"^(?: {3}|\.\. autodata:: )(\w+)$", block, re.M)
    return listed


@pytest.mark.parametrize("module", ["sk_swat", "sk_swat.displays", "sk_swat.export", "sk_swat.datasets"])
def test_reference_lists_every_public_name(module):
    assert sorted(listed_in_reference()[module]) == sorted(importlib.import_module(module).__all__)


def test_reference_lists_nothing_else():
    for module, names in listed_in_reference().items():
        assert names and all(hasattr(importlib.import_module(module), name) for name in names)


def test_reference_has_the_formula_of_every_activation():
    rows = re.findall(r"^\| `(\w+)` \| `(.*)` \|$", text_of(DOCS / "api.md"), re.M)
    assert rows == [(name, activation.formula) for name, activation in ACTIVATIONS.items()]


PROGRAMS = {
    "python -m sk_swat": app,
    "sk-swat": app,
    "python -m sk_swat.pretraining": sk_swat.pretraining.__main__.app,
    "python -m benchmarks": benchmarks.__main__.app,
}


def commands(page):
    """Commands on a page, in blocks that are indented or fenced: the program, and a list of arguments."""
    lines = text_of(page).replace("\\\n", " ").split("\n")
    found = [re.match(rf"(?: {{4,}})?({'|'.join(PROGRAMS)}) ([a-z-]+ .*)", line) for line in lines]
    return [(match[1], shlex.split(match[2], comments=True)) for match in found if match]


def test_commands_are_understood():
    found = [command for page in [ROOT / "README.md", *PAGES] for command in commands(page)]
    assert len(found) > 10
    assert {program for program, _ in found} == PROGRAMS.keys() - {"python -m sk_swat"}
    for program, (name, *arguments) in found:
        app = PROGRAMS[program]
        context = app.make_context(program, [name, *arguments])
        assert app.commands[name].make_context(name, arguments, parent=context).params


@pytest.fixture
def short_fits(monkeypatch):
    """Let fits at default settings take about a second, without cross-validation."""
    for name, value in {"depths": (1,), "n_rounds": 0, "early_stopping": True}.items():
        monkeypatch.setitem(inspect.unwrap(SWATRegressor.__init__).__kwdefaults__, name, value)


# test_parallel.py runs parallel.md, which needs packages and processes of its own
RUNNING = [page for page in PAGES if blocks(page, "python") and page.stem != "parallel"]


@pytest.mark.parametrize("page", RUNNING, ids=lambda page: page.stem)
def test_python_of_a_page_runs(page, short_fits, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), names)
    assert capsys.readouterr().out


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_c_of_the_microcontroller_page_compiles(short_fits, tmp_path, monkeypatch):
    page = DOCS / "microcontroller.md"
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), names)
    (main,) = blocks(page, "c")
    Path("main.c").write_text(main, encoding="ascii")
    subprocess.run(["gcc", "-std=c99", "-Wall", "-Werror", "-c", "booth.c", "main.c"], check=True)


@pytest.fixture
def pyplot():
    """Draw without a screen, and close what was drawn."""
    pytest.importorskip("matplotlib").use("agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def test_pictures_of_the_readme_can_be_drawn(short_fits, pyplot, tmp_path):
    drawn = runpy.run_path(str(DOCS / "make_pictures.py"))["make_pictures"](tmp_path)
    readme = text_of(ROOT / "README.md")
    for path in drawn:
        assert f"(docs/figures/{path.name})" in readme
        kept = DOCS / "figures" / path.name
        assert path.stat().st_size > 1000 and kept.stat().st_size < 100_000


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_example_draws_one_figure_that_is_not_too_wide(script, pyplot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script))
    (number,) = pyplot.get_fignums()
    assert pyplot.figure(number).get_figwidth() <= 6.25  # 600 px at 96 dots per inch
    assert not list(tmp_path.iterdir())
