"""Motion capture as training reads it: recordings of 3D poses, lying end to end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from training.datasets.mocap.clips import Clip


@dataclass(frozen=True)
class MotionCapture:
    """Recordings of 3D poses, lying end to end: all frames at once, and a sequence of `Clip`s.

    `len` counts the clips, an index or a loop gives them one by one, and `clips` those of some splits. Their arrays are
    views of these.

    Attributes:
        joints: Metres, x y z, y up, right-handed, from the middle of the hips; joint 0 is the centre of the head.
        nose: Where a 2D detector would see the nose, same frame.
        ok: False near a tracking error.
        offsets: Clip `i` is rows `offsets[i]` up to `offsets[i + 1]`.
        subject: Who moved, a clip.
        action: What they did, a clip.
        clip: The clip's name.
        split: "train", "val" or "eval", a clip.
        source: Where it comes from, a clip.
        fps: Frames per second, a clip.
    """

    joints: Float[np.ndarray, "frames 13 3"]
    nose: Float[np.ndarray, "frames 3"]
    ok: Bool[np.ndarray, " frames"]
    offsets: Int[np.ndarray, " clips_and_one"]
    subject: Shaped[np.ndarray, " clips"]
    action: Shaped[np.ndarray, " clips"]
    clip: Shaped[np.ndarray, " clips"]
    split: Shaped[np.ndarray, " clips"]
    source: Shaped[np.ndarray, " clips"]
    fps: Float[np.ndarray, " clips"]

    def __len__(self) -> int:
        """Number of clips."""
        return len(self.clip)

    def __getitem__(self, index: SupportsIndex) -> Clip:
        """One clip; negative numbers count from the last.

        Raises:
            IndexError: If there is no such clip.
        """
        number = range(len(self))[index]
        rows = slice(self.offsets[number], self.offsets[number + 1])
        return Clip(
            name=str(self.clip[number]),
            subject=str(self.subject[number]),
            source=str(self.source[number]),
            fps=float(self.fps[number]),
            joints=self.joints[rows],
            nose=self.nose[rows],
            ok=self.ok[rows],
            action=str(self.action[number]),
            split=str(self.split[number]),
        )

    def __iter__(self) -> Iterator[Clip]:
        """All clips, in their order."""
        return (self[number] for number in range(len(self)))

    def clips(self, *splits: str) -> list[Clip]:
        """The clips of some splits, in their order (of any, when none is named); those not tracked well too."""
        return [clip for clip in self if not splits or clip.split in splits]

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

    def runs(self, *splits: str) -> Int[np.ndarray, " poses"]:
        """For each pose that `poses` gives a number that it shares with those before and after it in its clip.

        Frames that are not well tracked part a clip in two.
        """
        keep = self.rows(*splits)
        clip = np.repeat(np.arange(len(self)), np.diff(self.offsets))[keep]
        apart = np.flatnonzero(keep) - np.arange(keep.sum())  # grows where frames are left out
        changes = (np.diff(clip, prepend=-1) != 0) | (np.diff(apart, prepend=-1) != 0)
        numbers: np.ndarray = changes.cumsum() - 1
        return numbers

    def held_out(self) -> Float[np.ndarray, "poses 13 3"]:
        """Joints to evaluate on: the well-tracked ones of `evaluation_splits`."""
        joints, _ = self.poses(*self.evaluation_splits())
        return joints

    def evaluation_splits(self) -> tuple[str, ...]:
        """The splits to evaluate on: `val` or, in a file without one, any; for `poses`, `rows` and `clips`."""
        return ("val",) if "val" in self.split else ()


def from_clips(clips: Sequence[Clip]) -> MotionCapture:
    """Lay clips end to end, in float32.

    Raises:
        ValueError: If there are none.
    """
    if not clips:
        raise ValueError("got no clips; motion capture has one at least")
    return MotionCapture(
        joints=np.concatenate([clip.joints for clip in clips]).astype(np.float32),
        nose=np.concatenate([clip.nose for clip in clips]).astype(np.float32),
        ok=np.concatenate([clip.ok for clip in clips]),
        offsets=np.cumsum([0, *(len(clip) for clip in clips)], dtype=np.int64),
        subject=np.array([clip.subject for clip in clips]),
        action=np.array([clip.action for clip in clips]),
        clip=np.array([clip.name for clip in clips]),
        split=np.array([clip.split for clip in clips]),
        source=np.array([clip.source for clip in clips]),
        fps=np.array([clip.fps for clip in clips], dtype=np.float64),
    )
