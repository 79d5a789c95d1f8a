"""What an adapter of one picture returns."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Keypoints(NamedTuple):
    """The people in one picture; unpacks into `PoseEncoder.embed(*keypoints)`.

    Attributes:
        keypoints: (people, 13, 2) float32 points (x, y), y down, pixels, in the order of `poseembed.JOINTS`; NaN is
            missing. Nobody in the picture is (0, 13, 2).
        confidence: (people, 13) float32 scores of the joints, 0 to 1.
    """

    keypoints: Float[np.ndarray, "people 13 2"]
    confidence: Float[np.ndarray, "people 13"]
