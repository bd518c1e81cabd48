"""Second-order fitting of hard networks; knows neither latents nor the autoencoder."""

from importlib.util import find_spec

if not find_spec("sk_swat.refine._core"):
    raise ImportError(
        f"sk_swat needs its compiled core, got sources without it in {__path__[0]}. If sk_swat is installed elsewhere, "
        "run Python outside of this checkout; otherwise run pip install -e . in it."
    )
