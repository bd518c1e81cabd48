"""Order of the examples in the gallery: first steps first."""

from pathlib import Path

__all__ = ["ORDER", "ReadingOrder"]

ORDER = [
    "plot_quick_start.py",
    "plot_size_against_accuracy.py",
    "plot_price_by_grid_search.py",
    "plot_comparison.py",
    "plot_several_targets.py",
    "plot_compress.py",
    "plot_physical_law.py",
    "plot_sensor_calibration.py",
    "plot_what_few_rows_show.py",
    "plot_stages_of_a_fit.py",
    "plot_latent_line.py",
]


class ReadingOrder:
    """Sorting key of sphinx-gallery; an example that ORDER lacks is an error."""

    def __init__(self, src_dir: str) -> None:
        self.src_dir = src_dir

    def __call__(self, filename: str) -> int:
        return ORDER.index(Path(filename).name)
