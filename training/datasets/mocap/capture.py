"""Motion capture as training reads it: recordings of 3D poses, lying end to end."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from training.datasets.mocap.clips import Clip


@dataclass(frozen=True)
class MotionCapture:
    """Recordings of 3D poses, lying end to end.

    Attributes:
        joints: Metres, x y z, y up, right-handed, from the middle of the hips; joint 0 is the centre of the head.
        nose: Where a 2D detector would see the nose, same frame.
        ok: False near a tracking error.
        offsets: Clip `i` is rows `offsets[i]` up to `offsets[i + 1]`.
        subject: Who moved, a clip.
        action: What they did, a clip.
        clip: The clip's name.
        split: "train", "val" or "eval", a clip.
    """

    joints: Float[np.ndarray, "frames 13 3"]
    nose: Float[np.ndarray, "frames 3"]
    ok: Bool[np.ndarray, " frames"]
    offsets: Int[np.ndarray, " clips_and_one"]
    subject: Shaped[np.ndarray, " clips"]
    action: Shaped[np.ndarray, " clips"]
    clip: Shaped[np.ndarray, " clips"]
    split: Shaped[np.ndarray, " clips"]

    def rows(self, *splits: str) -> Bool[np.ndarray, " frames"]:
        """Which frames are well tracked and of some splits (of any, when none is named)."""
        wanted = np.isin(self.split, splits) if splits else np.ones(len(self.split), dtype=bool)
        rows: np.ndarray = np.repeat(wanted, np.diff(self.offsets)) & self.ok
        return rows

    def poses(self, *splits: str) -> tuple[Float[np.ndarray, "poses 13 3"], Float[np.ndarray, "poses 3"]]:
        """Joints and noses of the well-tracked frames of some splits (of all, when none is named).

        Raises:
            ValueError: If there are none.
        """
        keep = self.rows(*splits)
        if not keep.any():
            raise ValueError(
                f"no well-tracked poses in split {', '.join(splits) or 'any'}; "
                f"this file has {', '.join(np.unique(self.split))}"
            )
        return self.joints[keep], self.nose[keep]

    def held_out(self) -> Float[np.ndarray, "poses 13 3"]:
        """Joints to evaluate on: of the `val` split or, in a file without one, of all well-tracked frames."""
        joints, _ = self.poses(*(["val"] if "val" in self.split else []))
        return joints


def from_clips(clips: Sequence[Clip], splits: Sequence[str], actions: Sequence[str]) -> MotionCapture:
    """Lay clips end to end, with the split and the action of each."""
    return MotionCapture(
        joints=np.concatenate([clip.joints for clip in clips]).astype(np.float32),
        nose=np.concatenate([clip.nose for clip in clips]).astype(np.float32),
        ok=np.concatenate([clip.ok for clip in clips]),
        offsets=np.cumsum([0, *(len(clip.joints) for clip in clips)], dtype=np.int64),
        subject=np.array([clip.subject for clip in clips]),
        action=np.array(actions),
        clip=np.array([clip.name for clip in clips]),
        split=np.array(splits),
    )
