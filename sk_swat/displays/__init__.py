"""Pictures of fitted networks and of their search; all but `network_html` need the 'plot' extra (matplotlib)."""

from sk_swat.displays.html import network_html
from sk_swat.displays.loss_curve import LossCurveDisplay
from sk_swat.displays.network import NetworkDisplay
from sk_swat.displays.path import PathDisplay
from sk_swat.displays.surface import SurfaceDisplay

__all__ = ["LossCurveDisplay", "NetworkDisplay", "PathDisplay", "SurfaceDisplay", "network_html"]
