"""`Poses`: the people found in pictures or in a video, one row a person in a picture."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy.typing import ArrayLike
from typing_extensions import Self

from poseembed.batches import BATCH_SIZE
from poseembed.columns import named_columns
from poseembed.extras import how_to_install
from poseembed.keypoints import MIN_CONFIDENCE, MIN_JOINTS, few_joints
from poseembed.origin import MadeBy, meet
from poseembed.skeleton import NUM_JOINTS, Skeleton, SkeletonName, get_skeleton
from poseembed.tracks import Embeds, embed_rows

if TYPE_CHECKING:
    import pandas

_MOST_EXACT = 2**53
"""Largest whole number up to which float64 holds all."""

_MOST_ROWS = 1_000_000
_MOST_ROWS_EACH = 100
"""A track is longer than the rows that it is made of by this factor at most, unless it has under `_MOST_ROWS`."""

NOBODY = -1
"""`person` of a row whose identity is not known, and of the row that stands for a frame without anybody."""


@dataclass(frozen=True, eq=False, repr=False)
class Poses:
    """People in pictures, in the order of the pictures: n rows, one a person in a picture.

    A frame of a video in which nobody was found is a row too, of NaN keypoints and confidence 0, so that the frames
    of a video are all there. Make one from arrays with `from_arrays`, and a library of many videos with `of_videos`:
    frames and identities are then each video's own, and `by_video` takes it apart again.

    `poses[i]` is one row, `poses[2:5]` or `poses[mask]` several, each `Poses` again, and a loop goes over the rows. To
    go over the people take `poses.track(person)` for each of `poses.people`.

    Attributes:
        keypoints: (n, 13, 2) points (x, y), y down, pixels, in the order of `poseembed.JOINTS`; NaN is missing.
        confidence: (n, 13) scores of the joints, 0 to 1.
        frame: (n,) number of the picture, from 0, never falling within a video.
        person: (n,) identity of the person over time, from 0; -1 is not known.
        time: (n,) seconds since the start of the video; NaN is not known.
        image: (n,) name of the picture; "" is not known.
        video: (n,) name of the video; "" is not known. The rows of a video stand together.
        z_pose: (n, pose_dim) pose vectors, or None before `embed`.
        z_view: (n, view_dim) view vectors, or None before `embed`.
        made_by: Which checkpoint made the vectors; None is not known. What compares vectors refuses those of different
            spaces. Whoever puts other vectors in (`dataclasses.replace`) says what made them.

    Examples:
        >>> from poseembed import PoseEncoder, Poses
        >>> points = np.random.default_rng(0).normal(300, 100, size=(3, 13, 2))
        >>> poses = Poses.from_arrays(points, frame=[0, 0, 1], person=[0, 1, 0], time=[0, 0, 0.04])
        >>> len(poses), poses.people, poses.timed
        (3, (0, 1), True)
        >>> poses
        <Poses: 3 rows in 2 frames, 2 people, not embedded>
        >>> poses[0].frame.tolist(), [row.person.item() for row in poses]
        ([0], [0, 1, 0])
        >>> poses.embed(PoseEncoder.from_pretrained("poseembed-small")).z_pose.shape
        (3, 32)
    """

    keypoints: Float[np.ndarray, "n 13 2"]
    confidence: Float[np.ndarray, "n 13"]
    frame: Int64[np.ndarray, " n"]
    person: Int64[np.ndarray, " n"]
    time: Float[np.ndarray, " n"]
    image: np.ndarray
    video: np.ndarray
    z_pose: Float[np.ndarray, "n pose_dim"] | None = None
    z_view: Float[np.ndarray, "n view_dim"] | None = None
    made_by: MadeBy | None = None

    def __post_init__(self) -> None:
        """Refuse columns that do not fit each other.

        Raises:
            ValueError: If a shape is wrong, or the frames of a video are not in order, or its rows not together.
        """
        n = len(self.keypoints)
        wanted = {"keypoints": (n, NUM_JOINTS, 2), "confidence": (n, NUM_JOINTS)}
        for name, values in self.columns().items():
            shape = wanted.get(name, (n, *values.shape[-1:]) if name.startswith("z_") else (n,))
            if values.shape != shape:
                raise ValueError(f"got {name} of shape {values.shape}; wanted {shape} for {n} poses")
        starts, falls = self._starts(), np.flatnonzero(np.diff(self.frame) < 0) + 1
        if len(falls) and not np.isin(falls, starts).all():
            raise ValueError(
                "frame must not fall from one row to the next; sort the rows by frame first, and if they are of "
                "several videos give each its name as video, see Poses.of_videos"
            )
        if len(starts) > 1 and len(np.unique(self.video[starts])) < len(starts):
            raise ValueError("the rows of a video must stand together; sort them by video and frame first")

    @classmethod
    def from_arrays(
        cls,
        keypoints: ArrayLike,
        confidence: ArrayLike | None = None,
        *,
        frame: ArrayLike | None = None,
        person: ArrayLike | None = None,
        time: ArrayLike | None = None,
        image: Sequence[str] | np.ndarray | None = None,
        video: str | Sequence[str] | np.ndarray | None = None,
        skeleton: SkeletonName | Skeleton = "poseembed13",
    ) -> Self:
        """Poses of arrays, with what is not given filled in.

        Args:
            keypoints: (n, joints, 2) points (x, y), y down, pixels; NaN is missing.
            confidence: (n, joints) scores; if None 1, and 0 where a keypoint is missing.
            frame: (n,) numbers of the pictures; if None each row is a picture of its own.
            person: (n,) identities; if None not known.
            time: (n,) seconds; if None not known.
            image: (n,) names; if None not known.
            video: (n,) names, or that of all rows; if None not known.
            skeleton: The joints that the arrays have, see `poseembed.SKELETONS`; the 13 are picked out of them.

        Raises:
            ValueError: If a shape is wrong or not the skeleton's, there is no such skeleton, a frame or person is not a
                whole number, or the frames of a video are not in order.

        Examples:
            >>> from poseembed import Poses
            >>> coco = np.random.default_rng(0).normal(300, 100, size=(5, 17, 2))
            >>> Poses.from_arrays(coco, skeleton="coco").keypoints.shape
            (5, 13, 2)
        """
        source = get_skeleton(skeleton)
        points = source.select(np.asarray(keypoints, dtype=np.float32))
        n = len(points)
        if confidence is None:
            scores = (~np.isnan(points).any(-1)).astype(np.float32)
        else:
            scores = np.asarray(confidence, dtype=np.float32)
            if scores.shape != (n, source.num_joints):
                raise ValueError(
                    f"got confidence of shape {scores.shape}; wanted {(n, source.num_joints)} for {n} poses"
                )
            scores = source.select(scores, axis=-1)
        return cls(
            keypoints=points,
            confidence=scores,
            frame=np.arange(n) if frame is None else _whole(frame, "frame", 0),
            person=np.full(n, NOBODY) if person is None else _whole(person, "person", NOBODY),
            time=np.full(n, np.nan) if time is None else np.asarray(time, dtype=np.float64),
            image=np.full(n, "") if image is None else np.asarray(image, dtype=np.str_),
            video=np.full(n, video or "") if isinstance(video, str | None) else np.asarray(video, dtype=np.str_),
        )

    @classmethod
    def concatenate(cls, parts: Iterable[Self]) -> Self:
        """The rows of several, in order; with vectors, if all have them.

        Vectors of two checkpoints of one space are then said to be the space's, and nobody's if some do not say whose.

        Raises:
            ValueError: If the frames of a video are not in order, some have vectors and others none, or their vectors
                lie in different spaces.

        Examples:
            >>> from poseembed import Poses
            >>> first = Poses.from_arrays(np.zeros((2, 13, 2)))
            >>> then = Poses.from_arrays(np.zeros((3, 13, 2)), frame=[2, 3, 4])
            >>> Poses.concatenate([first, then]).frame.tolist()
            [0, 1, 2, 3, 4]
        """
        filled = [part for part in parts if len(part)]
        if not filled:
            return cls.from_arrays(np.empty((0, NUM_JOINTS, 2)))
        tables = [part.columns() for part in filled]
        for name in ("z_pose", "z_view"):
            if len({name in table for table in tables}) > 1:
                raise ValueError(f"some of the poses have {name} and others have none; embed all of them first")
        made_by = filled[0].made_by
        for number, part in enumerate(filled):
            made_by = meet(made_by, part.made_by, ("what came first", f"part {number}"))
        columns: dict[str, Any] = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
        return cls(**columns, made_by=made_by if all(part.made_by for part in filled) else None)

    @classmethod
    def of_videos(cls, videos: Mapping[str, Self]) -> Self:
        """A library: the rows of several videos, one after the other, each with its name as `video`.

        Args:
            videos: By name, each of one video.

        Raises:
            ValueError: If one is of several videos already, or they cannot be joined, see `concatenate`.

        Examples:
            >>> from poseembed import Poses
            >>> squat, golf = Poses.from_arrays(np.zeros((2, 13, 2))), Poses.from_arrays(np.zeros((3, 13, 2)))
            >>> library = Poses.of_videos({"squat.mp4": squat, "golf.mp4": golf})
            >>> library
            <Poses: 5 rows in 5 frames of 2 videos, not embedded>
            >>> library.by_video()["golf.mp4"].frame.tolist()
            [0, 1, 2]
        """
        for name, part in videos.items():
            if len(part._starts()) > 1:
                raise ValueError(f"what is to be {name!r} is of several videos: {', '.join(part.videos):.60}")
        return cls.concatenate(replace(part, video=np.full(len(part), name)) for name, part in videos.items())

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.keypoints)

    def __getitem__(self, rows: int | slice | ArrayLike) -> Self:
        """The row of a number, negative ones from the end; or those that a slice or a mask picks, as by `select`.

        Raises:
            IndexError: If there is no such row.
            ValueError: If the picked frames are not in order.
        """
        if isinstance(rows, int | np.integer):
            if not -len(self) <= rows < len(self):
                raise IndexError(f"there is no row {rows}; there are {len(self)}")
            return self.select(np.array([rows % len(self)]))
        return self.select(rows)

    def __iter__(self) -> Iterator[Self]:
        """The rows, each by itself."""
        return (self[row] for row in range(len(self)))

    def __repr__(self) -> str:
        """What is in it, in a line."""
        starts = np.bincount(self._starts(), minlength=len(self))
        frames = int(np.count_nonzero(starts[1:] | (np.diff(self.frame) != 0)) + starts[:1].sum())
        identities = np.stack([starts.cumsum(), self.person])[:, self.person != NOBODY]
        people = np.unique(identities, axis=1).shape[1]
        many = f" of {starts.sum()} videos" if starts.sum() > 1 else ""
        who = f", {people} {'person' if people == 1 else 'people'}" if people else ""
        vectors = "not embedded" if self.z_pose is None else f"z_pose of {self.z_pose.shape[1]}"
        if self.made_by is not None and self.made_by.clip is not None:
            vectors += " with context"
        rows = f"{len(self)} row{'' if len(self) == 1 else 's'} in {frames} frame{'' if frames == 1 else 's'}{many}"
        return f"<{type(self).__name__}: {rows}{who}, {vectors}>"

    @property
    def timed(self) -> bool:
        """Whether the time of every row is known."""
        return not np.isnan(self.time).any()

    @property
    def people(self) -> tuple[int, ...]:
        """The known identities, the one in most rows first; each video of a library has its own."""
        ids, counts = np.unique(self.person[self.person != NOBODY], return_counts=True)
        return tuple(ids[np.argsort(-counts, kind="stable")].tolist())

    @property
    def videos(self) -> tuple[str, ...]:
        """The known names of the videos, in their order."""
        return tuple(name for name in self.video[self._starts()].tolist() if name)

    def by_video(self) -> dict[str, Self]:
        """The rows of each video, by its name; `of_videos` joins them."""
        bounds = [*self._starts().tolist(), len(self)]
        parts = [self.select(slice(start, stop)) for start, stop in pairwise(bounds)]
        return {part.video[0].item(): part for part in parts}

    def columns(self) -> dict[str, np.ndarray]:
        """The arrays by the names of the attributes, without those that are None."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "made_by"}
        return {name: values for name, values in arrays.items() if values is not None}

    def select(self, rows: ArrayLike | slice) -> Self:
        """The rows that a mask, rising indices or a slice pick.

        Raises:
            ValueError: If the picked frames are not in order.

        Examples:
            >>> from poseembed import Poses
            >>> poses = Poses.from_arrays(np.zeros((4, 13, 2)), frame=[0, 0, 1, 2])
            >>> len(poses.select(poses.frame == 0)), len(poses.select([3])), len(poses.select(slice(1, None)))
            (2, 1, 3)
        """
        picked = rows if isinstance(rows, slice) else np.asarray(rows)
        if isinstance(picked, np.ndarray) and not picked.size:
            picked = slice(0)  # an empty list is an array of floating-point numbers, which pick nothing
        columns: dict[str, Any] = {name: values[picked] for name, values in self.columns().items()}
        return replace(self, **columns)

    def track(self, person: int | None = None) -> Self:
        """One person over time: a row for every frame from first to last sight of them, NaN where they were not seen.

        Args:
            person: Whose track; None is the person in most rows, or everybody where no identity is known.

        Raises:
            ValueError: If there is no such person, the rows are of several videos, one frame has several rows of them,
                or the track would be over a million rows and over a hundred times as many as they were seen in: frames
                numbered by a clock.

        Examples:
            >>> from poseembed import Poses
            >>> poses = Poses.from_arrays(np.zeros((4, 13, 2)), frame=[5, 5, 6, 8], person=[0, 1, 0, 0])
            >>> track = poses.track()
            >>> track.frame.tolist(), np.isnan(track.keypoints[:, 0, 0]).tolist()
            ([5, 6, 7, 8], [False, False, True, False])
        """
        if len(starts := self._starts()) > 1:
            raise ValueError(
                f"these poses are of {len(starts)} videos, each with people of its own; take those of one first: "
                f"poses[poses.video == {self.video[0].item()!r}]"
            )
        if person is None:
            person = self.people[0] if self.people else NOBODY
        rows = np.flatnonzero(self.person == person)
        if not len(rows):
            raise ValueError(f"nobody is person {person}; there are: {', '.join(map(str, self.people)) or 'none'}")
        if len(np.unique(self.frame[rows])) < len(rows):
            who = "several people without an identity" if person == NOBODY else f"several rows of person {person}"
            raise ValueError(
                f"{who} share a frame, so there is no telling them apart over time; give each row its person"
            )
        first, last = int(self.frame[rows[0]]), int(self.frame[rows[-1]])
        if last - first >= max(_MOST_ROWS, _MOST_ROWS_EACH * len(rows)):
            raise ValueError(
                f"{len(rows)} rows with frame from {first} to {last}: a track has a row for every number between, "
                "which is far more than there are pictures. Are they the ticks of a clock? Let frame count the "
                "pictures, np.unique(frame, return_inverse=True)[1], and put the clock into time, in seconds"
            )
        frames = np.arange(first, last + 1)
        at = self.frame[rows] - frames[0]
        columns: dict[str, Any] = {}
        for name in ("keypoints", "z_pose", "z_view"):
            values = getattr(self, name)
            columns[name] = None if values is None else _spread(values[rows], at, len(frames), np.nan)
        return replace(
            self,
            **columns,
            confidence=_spread(self.confidence[rows], at, len(frames), 0),
            frame=frames,
            person=np.full(len(frames), person),
            time=np.interp(frames, self.frame[rows], self.time[rows]),
            image=_spread(self.image[rows], at, len(frames), ""),
            video=np.full(len(frames), self.video[0]),
        )

    def embed(
        self,
        encoder: Embeds,
        *,
        context: float | None = 0.0,
        look_ahead: float | None = None,
        min_confidence: float = MIN_CONFIDENCE,
        min_joints: int = MIN_JOINTS,
        batch_size: int = BATCH_SIZE,
        show_progress_bar: bool = False,
    ) -> Self:
        """The same rows with `z_pose`, `z_view` and `made_by`; NaN rows where nobody, or too little of one, was found.

        With a context, and an encoder that has a clip encoder, the frames of people who can be followed over time,
        because `person` and `time` are known, are embedded by what comes before and after them in their video
        (`PoseEncoder.embed_clip`). All other rows, such as photos, are embedded each by itself. `made_by.clip` tells
        the two apart.

        Args:
            encoder: A `PoseEncoder`, which embeds whatever has a joint.
            context: Seconds before and after a frame that are read: 0 takes each frame by itself, and None reads all
                that the clip encoder can, if there is one. It pays where joints go missing for a while.
            look_ahead: Seconds after it, if that is to be less.
            min_confidence: Least score of a joint that is there.
            min_joints: Least number of joints that are there. A pose of fewer resembles too many others: it gets no
                vector, so that it is no hit in searches, galleries and indices (`sparse` says which these are).
            batch_size: Poses that go through the network at once.
            show_progress_bar: Show one, on stderr.

        Raises:
            TypeError: As `PoseEncoder.embed_clip` does.
            ValueError: Likewise; if `min_joints` is not from 1 to 13; and if there is to be a context and nobody can be
                followed.

        Warns:
            KeypointsWarning: As `PoseEncoder.embed` does.
            UserWarning: If the times of a person do not rise.

        Examples:
            >>> from poseembed import PoseEncoder, Poses
            >>> keypoints = np.random.default_rng(0).normal(300, 100, size=(2, 13, 2))
            >>> keypoints[1, 1:] = np.nan  # nothing but the nose
            >>> poses = Poses.from_arrays(keypoints).embed(PoseEncoder.from_pretrained("poseembed-small"))
            >>> np.isfinite(poses.z_pose).all(axis=1).tolist()
            [True, False]
        """
        z_pose, z_view, made_by = embed_rows(
            encoder,
            self.keypoints,
            self.confidence,
            self.video,
            self.person,
            self.time,
            context=context,
            look_ahead=look_ahead,
            min_joints=min_joints,
            min_confidence=min_confidence,
            batch_size=batch_size,
            show_progress_bar=show_progress_bar,
        )
        return replace(self, z_pose=z_pose, z_view=z_view, made_by=made_by)

    def sparse(self, min_joints: int = MIN_JOINTS, *, min_confidence: float = MIN_CONFIDENCE) -> Bool[np.ndarray, " n"]:
        """Rows that show somebody, but fewer joints than so many; see `embed`.

        Examples:
            >>> from poseembed import Poses
            >>> keypoints = np.full((3, 13, 2), np.nan)
            >>> keypoints[0, 0], keypoints[1, :5] = 7, 7
            >>> Poses.from_arrays(keypoints).sparse().tolist()  # a nose; five joints; nobody
            [True, False, False]
        """
        return few_joints(self.keypoints, self.confidence, min_joints, min_confidence)

    def to_pandas(self) -> "pandas.DataFrame":
        """A data frame, a row a person in a picture, with the columns that files have: see `poseembed.files.poses`.

        Raises:
            ImportError: If pandas is not installed.

        Examples:
            >>> from poseembed import Poses
            >>> table = Poses.from_arrays(np.zeros((2, 13, 2)), image=["a.jpg", "b.jpg"]).to_pandas()
            >>> table[["frame", "image", "left_wrist_x"]].to_numpy().tolist()
            [[0, 'a.jpg', 0.0], [1, 'b.jpg', 0.0]]
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(f"a data frame needs pandas: {how_to_install('pandas')}") from error
        return pandas.DataFrame(named_columns(self.columns(), self.made_by))

    def _starts(self) -> Int64[np.ndarray, " videos"]:
        """The rows with which the videos begin."""
        changes = np.flatnonzero(self.video[1:] != self.video[:-1]) + 1
        return np.append(np.zeros(min(len(self), 1), dtype=np.int64), changes)


def _whole(values: ArrayLike, name: str, least: int) -> Int64[np.ndarray, "*shape"]:
    """Check that numbers are whole, not under the least, and that int64 holds them as they are."""
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "iuf":  # text, booleans, or Python's whole numbers beyond 64 bits
        raise ValueError(f"{name} holds {numbers.dtype} values; wanted whole numbers from {least}")
    most = _MOST_EXACT if numbers.dtype.kind == "f" else np.iinfo(np.int64).max
    wrong = np.flatnonzero(~((numbers >= least) & (numbers <= most) & (numbers == np.floor(numbers))))
    if len(wrong):
        raise ValueError(
            f"{name} of row {wrong[0] + 1} is {numbers.flat[wrong[0]]:g}; wanted whole numbers from {least} to {most}"
        )
    return numbers.astype(np.int64)


def _spread(values: np.ndarray, at: Int64[np.ndarray, " rows"], length: int, filler: float | str) -> np.ndarray:
    """Rows put into their places among `length` rows; the others are filled."""
    spread = np.full((length, *values.shape[1:]), filler, dtype=values.dtype)
    spread[at] = values
    return spread
