"""The rooms of the package and the imports between them: checks that they run downwards, and draws them.

``python docs/house.py`` fails if an import runs upwards that is not listed in `UPWARD`, and otherwise writes
docs/figures/house.svg. ``tests/test_house.py`` does the same checks.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "figures" / "house.svg"

# from the top floor down; a room may import from its own floor's left neighbours and from all floors below
FLOORS = (
    ("cli", "pretraining"),
    ("estimators",),
    ("compress",),
    ("fitting",),
    ("latent",),
    ("refine",),
    ("displays", "export", "datasets"),
    ("network",),
    ("utils",),
)
ROOMS = [room for floor in reversed(FLOORS) for room in floor]

# module that imports, room that it imports from: the reason
UPWARD = {
    ("sk_swat.network.exporting", "export"): "methods of a network such as to_c, imported when they are called",
    ("sk_swat.export.skl2onnx_converter", "estimators"): "skl2onnx asks for the class that it converts",
}


def imports(package: Path) -> list[tuple[str, str]]:
    """Give each import of one of the package's modules from another: names of both, imports within functions too."""
    found = []
    for path in sorted(package.rglob("*.py")):
        importer = ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == package.name:
                found.append((importer, node.module))
            elif isinstance(node, ast.Import):
                found += [(importer, one.name) for one in node.names if one.name.split(".")[0] == package.name]
    return found


def room_of(module: str) -> str | None:
    """Room of a module; None for the top of the package, which has only the version and the public names."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] != "__main__" else None


def between_rooms(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Give the imports that lead from one room to another: the module that imports, and the room."""
    pairs = [(importer, room_of(importer), room_of(module)) for importer, module in found]
    return [(importer, there) for importer, here, there in pairs if here and there and here != there]


def upward(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Give the imports from a room above, or beside it on the right, without those that are listed."""
    pairs = set(between_rooms(found))
    return sorted(
        pair for pair in pairs if ROOMS.index(pair[1]) > ROOMS.index(room_of(pair[0]) or "") and pair not in UPWARD
    )


def draw(found: list[tuple[str, str]]) -> str:
    """Picture of the house as SVG: floors from the top down, in each room what it imports from and how often."""
    sizes = {room: len(list((ROOT / "sk_swat" / room).glob("*[!_].py"))) for room in ROOMS}
    between = Counter((room_of(importer), there) for importer, there in between_rooms(found))
    width, height, gap = 720, 52, 8
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {len(FLOORS) * (height + gap) + gap}" '
        'font-family="sans-serif" role="img">',
        "<title>Rooms of sk_swat; imports run downwards</title>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for row, floor in enumerate(FLOORS):
        wide = (width - gap) / len(floor)
        for column, room in enumerate(floor):
            x, y = gap + column * wide, gap + row * (height + gap)
            others = [there for there in reversed(ROOMS) if between[room, there]]
            up = {there for there in others if ROOMS.index(there) > ROOMS.index(room)}
            below = [f"{'↑ ' * (there in up)}{there} {between[room, there]}" for there in others]
            lines += [
                f'<rect x="{x:.0f}" y="{y}" width="{wide - gap:.0f}" height="{height}" rx="4" fill="#eef3f8" '
                'stroke="#4a6a8a"/>',
                f'<text x="{x + 10:.0f}" y="{y + 21}" font-size="15" font-weight="bold" fill="#1d3346">{room}'
                f'<tspan font-weight="normal" font-size="11"> {sizes[room]} modules</tspan></text>',
                f'<text x="{x + 10:.0f}" y="{y + 40}" font-size="11" fill="#33475a">{", ".join(below)}</text>',
            ]
    return "\n".join([*lines, "</svg>", ""])


def modules(package: Path) -> dict[str, int]:
    """Lines of every module."""
    paths = sorted(package.rglob("*.py"))
    return {str(path.relative_to(package)): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}


def long_signatures(package: Path, most: int = 8) -> list[str]:
    """Give the functions that take more parameters than that, constructors aside."""
    found = []
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name != "__init__":
                names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                if len(set(names) - {"self", "cls"}) > most:
                    found.append(node.name)
    return found


def main() -> int:
    """Check the house and draw it; return the status of the command."""
    package = ROOT / "sk_swat"
    found = imports(package)
    wrong = upward(found)
    for importer, room in wrong:
        print(f"{importer} must not import from {room}, which lies above it; docs/house.py lists the exceptions")
    if not wrong:
        PICTURE.write_text(draw(found), encoding="utf-8")
        sizes = modules(package)
        print(f"{len(ROOMS)} rooms, {len(sizes)} modules, {sum(sizes.values())} lines, {len(UPWARD)} imports upwards")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
