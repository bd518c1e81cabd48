"""The README's Python blocks run as they are, one after the other, and print what they promise."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_python_blocks_run_in_order_and_fit_well(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "hidden layer 1:" in printed and "r2_validation" in printed
    assert names["model"].n_nonzero_ == names["model"].networks_[names["model"].path_["chosen"].argmax()].n_nonzero
    r2 = float(re.search(r"R\^2 on new rows: (\S+)", printed).group(1))
    assert r2 > 0.95


def test_both_commands_are_given_with_the_tested_versions():
    commands = re.findall(r"```bash\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert any("python -m sk_swat demo" in command for command in commands)
    assert any("python -m pytest" in command for command in commands)
    assert all("-c constraints.txt" in command for command in commands)
