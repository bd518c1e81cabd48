"""Draw the pictures of README.md: `python docs/make_pictures.py`, in about ten seconds."""

from pathlib import Path

from benchmarks.drawing import save_figure
from sk_swat import SWATRegressor
from sk_swat.datasets import load_cornn
from sk_swat.displays import NetworkDisplay, PathDisplay

FIGURES = Path(__file__).parent / "figures"


def make_pictures(folder: Path = FIGURES) -> list[Path]:
    """Fit Himmelblau's function as README.md does, and draw the path and one of its networks."""
    task = load_cornn("Himmelblau")
    model = SWATRegressor(random_state=0).fit(task.X_train, task.y_train)
    paths = [folder / "path.svg", folder / "network.svg"]
    save_figure(PathDisplay.from_estimator(model).figure_, paths[0])
    model.select(max_nonzero=20)
    save_figure(NetworkDisplay.from_estimator(model).figure_, paths[1])
    return paths


if __name__ == "__main__":
    for path in make_pictures():
        print(path)
