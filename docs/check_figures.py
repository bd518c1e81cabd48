"""Check every measured figure in README.md, the model card and docs/ against the stored results; write them anew.

    python docs/check_figures.py            # lists what differs, and figures that nothing stands behind
    python docs/check_figures.py --update   # writes the present figures, tables and summaries into the pages

A figure in a page is followed by a comment that names it, `0.86<!--tables.boosting-->`, and `FIGURES` of
figure_names.py says how it follows from docs/results/. A sentence that claims something ends in a comment with a
question mark, `<!--cornn.easom?-->`, and `CLAIMS` says when it holds. A table between `<!--table NAME-->` and
`<!--end-->` is one of `TABLES` of figure_tables.py. Files of `SUMMARIES` are written as a whole. Any other number that
looks measured is an error, unless `EXEMPT` gives a reason for it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
_TIED = re.compile(r"(?P<old>[^\s|(<>*`]+)<!--(?P<name>[\w.]+)-->")
_CLAIM = re.compile(r"<!--(?P<name>[\w.]+)\?-->")
_TABLE = re.compile(r"<!--table (?P<name>[\w.]+)-->\n(?P<old>.*?)<!--end-->", re.DOTALL)
_WORDS = "two|three|four|five|six|seven|eight|nine|ten|twenty|fifty|hundred|half"
_UNITS = r"(?:s|ms|us|MB|kB|seconds?|minutes?|hours?|per cent|%|times|wins|of \d+)"
_MEASURED = re.compile(
    rf"(?<![\w.-])\d+\.\d+(?!\w)|(?<![\w.-])[\d ]*\d(?: |-){_UNITS}(?!\w)|\d+(?:\.\d+)?e-\d+"
    rf"|\b(?:{_WORDS}) (?:times|per cent|seconds|minutes)\b|\btwice (?:as|the)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Known:
    """What the stored results say: figures and tables by name as text, whether claims hold, and files as text."""

    figures: Mapping[str, Callable[[], str]]
    claims: Mapping[str, Callable[[], bool]]
    tables: Mapping[str, Callable[[], str]]
    summaries: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    exempt: Mapping[tuple[str, str], str] = field(default_factory=dict)


def pages() -> list[Path]:
    """Pages that are checked: all but the change log, and tables that a command writes."""
    own = [page for page in sorted(DOCS.glob("*.md")) if not re.match(r"bench_|changelog", page.name)]
    return [ROOT / "README.md", ROOT / "sk_swat" / "latent" / "checkpoints" / "README.md", *own]


def renew(text: str, known: Known) -> str:
    """Text with the present figures and tables.

    Raises
    ------
    KeyError
        If a comment names a figure or table that is not known.
    """
    text = _TABLE.sub(lambda match: f"<!--table {match['name']}-->\n{known.tables[match['name']]()}\n<!--end-->", text)
    return _TIED.sub(lambda match: f"{known.figures[match['name']]()}<!--{match['name']}-->", text)


def broken_claims(text: str, known: Known) -> list[str]:
    """Names of the claims of a text that do not hold."""
    return [match["name"] for match in _CLAIM.finditer(text) if not known.claims[match["name"]]()]


def loose_figures(text: str, exempt: Mapping[str, str] | None = None) -> list[str]:
    """Figures of a text that look measured, each with the words around it, and are tied to nothing.

    Parameters
    ----------
    text : str
        Of a page.
    exempt : mapping of str to str, default=None
        Pieces of text that need no result, and why.
    """
    text = _TABLE.sub(" ", text)
    text = re.sub(r"^```.*?^```|^(?: {4}).*?$", " ", text, flags=re.DOTALL | re.MULTILINE)
    text = _TIED.sub("tied", text)
    text = re.sub(r"`[^`]*`|\]\([^)]*\)|\$[^$]*\$|https?://\S+", "code", text)
    text = re.sub(r"(?:arXiv|Python|Ray|version) \d+\.\d+", "name", text)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"(?:(?!\. |\| |: )[^<])*<!--[\w.]+\?-->", " claimed", text)  # the sentence, or the cell, before it
    for piece in exempt or {}:
        text = text.replace(piece, "exempt")
    return [text[max(0, hit.start() - 40) : hit.end() + 40] for hit in _MEASURED.finditer(text)]


def faults(page: str, text: str, known: Known) -> list[str]:
    """Say what is wrong with the figures of a page, one line each."""
    wanted = renew(text, known)
    found = [
        f"{page}: {old['old']} must be {new['old']} ({old['name']})"
        for old, new in zip(_TIED.finditer(_TABLE.sub("", text)), _TIED.finditer(_TABLE.sub("", wanted)), strict=True)
        if old["old"] != new["old"]
    ]
    found += [
        f"{page}: the table {old['name']} is not that of the results"
        for old, new in zip(_TABLE.finditer(text), _TABLE.finditer(wanted), strict=True)
        if old["old"] != new["old"]
    ]
    found += [f"{page}: the claim {name} does not hold" for name in broken_claims(text, known)]
    exempt = {piece: reason for (its, piece), reason in known.exempt.items() if its == page}
    found += [f"{page}: tied to no result: ...{words}..." for words in loose_figures(text, exempt)]
    bare = re.sub(r"\s+", " ", text)
    return found + [f"{page}: the exemption {piece!r} is not on the page" for piece in exempt if piece not in bare]


def main(update: bool = False) -> int:
    """Check all pages; with `update` write figures, tables and summaries first. Gives the number of faults."""
    sys.path += [str(DOCS), str(ROOT)]
    from figure_names import KNOWN

    found = []
    for name, make in KNOWN.summaries.items():
        text = make()
        if update:
            (DOCS / name).write_text(text, encoding="utf-8")
        elif (DOCS / name).read_text(encoding="utf-8") != text:
            found.append(f"docs/{name} is not what the results give")
    for page in pages():
        name, text = page.relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8")
        if update:
            text = renew(text, KNOWN)
            page.write_text(text, encoding="utf-8")
        found += faults(name, text, KNOWN)
    print("\n".join(found) or "Every measured figure follows from docs/results/.")
    return len(found)


if __name__ == "__main__":
    sys.exit(main("--update" in sys.argv[1:]) > 0)
