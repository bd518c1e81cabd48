"""The bar on the terminal."""

import io
import os
import re
import threading

import pytest
from tqdm import tqdm

from sk_swat.cli.bar import show_bar
from sk_swat.fitting import starts
from sk_swat.fitting.progress import Watcher, add_watcher


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def lines(self):
        """What the line of the terminal has shown, one after another."""
        return [line.rstrip() for line in self.getvalue().split("\r")[1:]]


def test_bar_rises_to_100_percent_and_names_the_stages(refined, table):
    terminal = Terminal()
    with show_bar(terminal):
        model = refined(early_stopping=False).fit(*table)
    lines = terminal.lines()
    shares = [int(re.match(r" *(\d+)%", line)[1]) for line in lines]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 100
    assert len(set(shares)) == 4 + 5  # 0, the ends of all stages but the last, and of five folds of the last one
    for stage in ["latent search", "polish and prune", "round 1", "last polish"]:
        assert any(f"| {stage}" in line for line in lines)
    score = model.fit_report_[-2]["r2_after"]
    assert any(f"last polish, best R^2 {score:.4f} [" in line for line in lines)
    assert re.fullmatch(r"100%\|#{30}\| last polish, best R\^2 \d\.\d{4} \[\d\d:\d\d\]", lines[-1])
    assert terminal.getvalue().endswith("\n") and terminal.getvalue().count("\n") == 1


def test_bar_of_a_search_that_ends_early_is_full_in_the_end(refined, table):
    class Impatient(Watcher):
        def end_stage(self, stage, network):
            return stage.name == "polish and prune"

    terminal = Terminal()
    with show_bar(terminal), add_watcher(Impatient()):
        refined(n_rounds=50).fit(*table)
    lines = terminal.lines()
    assert any(re.match(r" +4%\|.*\| last polish", line) for line in lines) and lines[-1].startswith("100%")


def test_bar_keeps_to_the_width_of_the_terminal(quick, table):
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    reader, writer = pty.openpty()
    termios.tcsetwinsize(writer, (40, 24))
    with os.fdopen(writer, "w") as terminal, show_bar(terminal):
        quick().fit(*table)
        drawn = os.read(reader, 10_000).decode()
    os.close(reader)
    assert "100%" in drawn and max(map(len, drawn.split("\r"))) <= 24


def test_bar_is_shown_on_terminals_alone(quick, table):
    stream = io.StringIO()
    with show_bar(stream):
        quick().fit(*table)
    assert not stream.getvalue()


def test_bar_ends_its_line_after_an_error(quick, table, monkeypatch):
    def failing(*args):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(starts, "front_of_candidates", failing)
    terminal = Terminal()
    with pytest.raises(RuntimeError, match="out of luck"), show_bar(terminal):
        quick().fit(*table)
    assert terminal.getvalue().endswith("\n") and "50%" in terminal.getvalue()  # all parts of the first of two stages


def test_bar_starts_no_thread_and_leaves_other_bars_as_they_are(quick, table):
    interval, before = tqdm.monitor_interval, threading.active_count()

    class Counter(Watcher):
        def begin_stage(self, name, parts=()):
            assert threading.active_count() == before and tqdm.monitor is None

    with show_bar(Terminal()), add_watcher(Counter()):
        quick().fit(*table)
    assert tqdm.monitor_interval == interval > 0
