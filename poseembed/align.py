"""Two performances laid alongside each other in time, whatever the cameras: dynamic time warping of pose vectors."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from poseembed.poses import Poses


@dataclass(frozen=True, eq=False)
class Alignment:
    """What `align` returns: k steps of a warping path, each a frame of the first and a frame of the second.

    Attributes:
        first: The first performance.
        second: The second.
        rows: (k, 2) rows of `first` and of `second` that belong together; neither ever falls.
        similarity: (k,) cosines of their pose vectors.
        score: From 0 to 1; see `align`.
        speed: (k,) seconds (frames, where no times are known) of the second that pass in one of the first.
        guides: (k, 13, 2) the second's pose as the first's camera would see it, laid over the first's body, pixels.
        joint_differences: (k, 13) how far each joint of the second is from the first's, both seen by the first's
            camera, in torso lengths.
    """

    first: Poses
    second: Poses
    rows: Int64[np.ndarray, "k 2"]
    similarity: Float[np.ndarray, " k"]
    score: float
    speed: Float[np.ndarray, " k"]
    guides: Float[np.ndarray, "k 13 2"]
    joint_differences: Float[np.ndarray, "k 13"]
