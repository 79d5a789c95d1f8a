"""`MovementIndex`: what everybody does in many recordings, ready to be searched for movements."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float16, Float64, Int64
from typing_extensions import Self

from poseembed.movements import files
from poseembed.movements.clock import RATE, moments
from poseembed.origin import MadeBy, meet
from poseembed.poses import Poses
from poseembed.vectors import PoseVectors


@dataclass(frozen=True, eq=False)
class MovementIndex:
    """The tracks of many recordings, ready to be searched: a row for every tenth of a second of each person.

    Make one with `build`. A track is cut where nobody was seen for more than half a second. The pieces lie end to end,
    each with a row of NaN behind it, which no movement crosses.

    Attributes:
        directions: (rows, pose_dim) unit pose vectors.
        frame: (rows,) number of the frame that lies nearest in time, of those in which they are seen.
        time: (rows,) its time, seconds; NaN is not known.
        offsets: (pieces + 1,) piece `i` is rows `offsets[i]` up to `offsets[i + 1]`, the last of them the row of NaN.
        person: (pieces,) who it is, as in the recording.
        recording: (pieces,) number of the recording, in the order of `names`.
        names: Names of the recordings.
        made_by: What made the vectors, if that is known.

    Examples:
        >>> from poseembed import PoseEncoder, Poses
        >>> from poseembed.movements import MovementIndex
        >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
        >>> points = np.random.default_rng(0).normal(300, 100, size=(60, 13, 2))
        >>> poses = Poses.from_arrays(points, time=np.arange(60) / 30).embed(encoder)
        >>> MovementIndex.build({"monday": poses, "tuesday": poses})
        <MovementIndex: 4 seconds of 2 recordings>
    """

    directions: Float16[np.ndarray, "rows pose_dim"]
    frame: Int64[np.ndarray, " rows"]
    time: Float64[np.ndarray, " rows"]
    offsets: Int64[np.ndarray, " pieces_and_one"]
    person: Int64[np.ndarray, " pieces"]
    recording: Int64[np.ndarray, " pieces"]
    names: tuple[str, ...]
    made_by: MadeBy | None = None

    @classmethod
    def build(cls, recordings: Mapping[str, Poses] | Iterable[tuple[str, Poses]]) -> Self:
        """Make an index.

        Args:
            recordings: Embedded `Poses` by the name of their recording, or pairs of a name and `Poses`: a generator
                that reads one file after the other need not hold them all. Of several people each is a track, see
                `Poses.people`; rows without identity count only in recordings in which nobody has one. Poses without
                times are taken to be 30 frames a second.

        Raises:
            TypeError: If something else than `Poses` comes.
            ValueError: If there is no recording, two have one name, `Poses` are not embedded, or by checkpoints of two
                spaces, the times of a track fall, or several people without an identity share a frame.
        """
        names: dict[str, None] = {}
        pieces: list[_Piece] = []
        made_by, width = None, None
        for name, poses in recordings.items() if isinstance(recordings, Mapping) else recordings:
            if not isinstance(poses, Poses):
                raise TypeError(f"{name}: got {type(poses).__name__}; wanted Poses, which know their times and people")
            if name in names:
                raise ValueError(f"two recordings are called {name!r}; give each a name of its own")
            vectors = PoseVectors.of(poses, name)
            made_by = meet(made_by, vectors.made_by, ("what came before", name))
            if width is None:
                width = vectors.z_pose.shape[1]
            elif vectors.z_pose.shape[1] != width:
                raise ValueError(
                    f"{name} has vectors of length {vectors.z_pose.shape[1]}, what came before of length {width}; "
                    "embed all recordings with one encoder"
                )
            pieces += _pieces(poses, name, len(names))
            names[name] = None
        if width is None:
            raise ValueError("there is no recording to search in")
        return cls(
            directions=np.concatenate([np.empty((0, width), np.float16), *(piece.directions for piece in pieces)]),
            frame=np.concatenate([np.empty(0, np.int64), *(piece.frame for piece in pieces)]),
            time=np.concatenate([np.empty(0), *(piece.time for piece in pieces)]),
            offsets=np.cumsum([0, *(len(piece.frame) for piece in pieces)]),
            person=np.array([piece.person for piece in pieces], dtype=np.int64),
            recording=np.array([piece.recording for piece in pieces], dtype=np.int64),
            names=tuple(names),
            made_by=made_by,
        )

    def save(self, file: str | os.PathLike[str]) -> None:
        """Write the index to an NPZ file, in place of one that is there; a kill leaves the old one or the new one.

        Raises:
            OSError: If it cannot be written.
        """
        arrays = {name: getattr(self, name) for name in files.ARRAYS}
        files.write(Path(file).expanduser(), arrays, self.names, self.made_by)

    @classmethod
    def load(cls, file: str | os.PathLike[str]) -> Self:
        """Read a saved index.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is damaged, or something else.
        """
        arrays, names, made_by = files.read(Path(file).expanduser())
        return cls(**arrays, names=names, made_by=made_by)

    @property
    def seconds(self) -> float:
        """How much there is to search in: the lengths of all tracks."""
        return (len(self.frame) - len(self.person)) / RATE

    def __repr__(self) -> str:
        """How much there is."""
        return f"<{type(self).__name__}: {self.seconds:,.0f} seconds of {len(self.names):,} recordings>"


class _Piece(NamedTuple):
    """Part of a track without gaps, and the row of NaN behind it: what `MovementIndex` keeps of it."""

    recording: int
    person: int
    directions: Float16[np.ndarray, "rows pose_dim"]
    frame: Int64[np.ndarray, " rows"]
    time: Float64[np.ndarray, " rows"]


def _pieces(poses: Poses, name: str, recording: int) -> Iterator[_Piece]:
    """The parts of all tracks of a recording."""
    for person in poses.people or ((None,) if len(poses) else ()):
        try:
            track = poses.track(person)
            seen = moments(track)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        for rows in np.split(np.arange(len(seen.ticks)), np.flatnonzero(np.diff(seen.ticks) > 1) + 1):
            if len(rows):
                directions = seen.directions[rows].astype(np.float16)
                at = np.append(seen.rows[rows], seen.rows[rows[-1]])  # the row of NaN has the last frame's
                behind = np.full((1, directions.shape[1]), np.nan, dtype=np.float16)
                yield _Piece(
                    recording,
                    int(track.person[0]),
                    np.concatenate([directions, behind]),
                    track.frame[at],
                    track.time[at],
                )
