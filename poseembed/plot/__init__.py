"""Pictures of poses, of what is like what, and of how two performances compare (`pip install "poseembed[plot]"`).

Every `plot_` function returns a matplotlib `Figure`: save it with `figure.savefig("picture.png", dpi=150)`, or, in a
notebook after `%matplotlib inline`, let it be the last line of a cell. Nothing here opens a window or changes pyplot's
state; fonts follow `matplotlib.rcParams`. What is drawn into an `ax` of the caller is laid out by the caller's figure:
make it with `layout="constrained"`, or text may be cut off.
"""

from poseembed.extras import how_to_install

try:
    import matplotlib as _matplotlib  # noqa: F401 -- here once, for all modules below
except ImportError as error:
    raise ImportError(f"pictures need matplotlib: {how_to_install('plot')}") from error

from poseembed.plot.alignment import alignment_moments, plot_alignment
from poseembed.plot.embedding_map import plot_map
from poseembed.plot.neighbours import plot_neighbours
from poseembed.plot.poses import draw_skeleton, plot_poses
from poseembed.plot.repetitions import plot_repetitions
from poseembed.plot.similarity import plot_similarity

__all__ = [
    "alignment_moments",
    "draw_skeleton",
    "plot_alignment",
    "plot_map",
    "plot_neighbours",
    "plot_poses",
    "plot_repetitions",
    "plot_similarity",
]
