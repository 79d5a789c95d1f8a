"""`poseembed search`: poses of a gallery that are like those of a query, or movements."""

import math
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseembed.calibration import search_prior
from poseembed.cli.arguments import add_skeleton, expand, expand_one, number, whole
from poseembed.cli.outputs import counted
from poseembed.cli.shared import MIXED, ReadingCommand
from poseembed.encoder import PoseEncoder
from poseembed.files.tables import Columns
from poseembed.keypoints import MIN_JOINTS
from poseembed.movements import MovementIndex, find_movement
from poseembed.movements.clock import seconds_of
from poseembed.movements.find import LONGEST, SHORTEST
from poseembed.poses import NOBODY, Poses
from poseembed.search import search
from poseembed.skeleton import SkeletonName

_ROUNDING = 1e-6  # seconds by which times that are meant to be equal may differ


@dataclass(frozen=True, kw_only=True)
class Search(ReadingCommand):
    """Options of `poseembed search`."""

    name = "search"
    summary = "find similar poses or movements, from any camera"
    usage = (
        "query.npz gallery.npz --top 5",
        "query.mp4 videos/*.npz --frame 40 --out hits.csv",
        "query.mp4 videos/*.npz --frame 40 --seconds 1.5",
        "query.npy videos/*.npz --query-skeleton coco",
    )
    whose = "search for person P of the query only"

    query: Path
    gallery: list[Path]
    frame: int | None
    seconds: float | None
    top: int
    query_skeleton: SkeletonName | None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add what to search for, where, how many hits to give, and how to read."""
        parser.add_argument("query", type=Path, help=MIXED)
        parser.add_argument("gallery", type=Path, nargs="+", help="the same, to search in")
        parser.add_argument("--frame", type=whole(0), metavar="N", help="search for frame N of the query only")
        parser.add_argument(
            "--seconds",
            type=number(SHORTEST, LONGEST),
            metavar="S",
            help="search for movements of S seconds instead of poses: around --frame, or one after the other",
        )
        parser.add_argument("--top", type=whole(1), default=10, metavar="K", help="hits for each (%(default)s)")
        super().add_arguments(parser)
        add_skeleton(parser, "--query-skeleton", " of the query, if another")

    def run(self) -> str:
        """A row a hit: those of a pose of the query together, or of a movement, the best first."""
        self.check_out()
        return self._poses() if self.seconds is None else self._movements(self.seconds)

    def _poses(self) -> str:
        paths, encoder = expand(self.gallery), self.encoder()
        query = self._asked(self._query(encoder))
        read = [self.read(path, encoder) for path in paths]
        galleries = [_seen(poses) for poses in read]
        file = np.repeat([str(path) for path in paths], [len(poses) for poses in galleries])
        video, frame, time, person = (
            np.concatenate([getattr(poses, name) for poses in galleries])
            for name in ("video", "frame", "time", "person")
        )
        vectors = np.concatenate([_vectors(poses) for poses in galleries])
        similarity, rows = search(_vectors(query), vectors, top_k=self.top)
        found = rows >= 0
        asked, rank = np.nonzero(found)
        hit = rows[found]
        columns: Columns = {
            **({"query_video": query.video[asked]} if query.videos else {}),
            "query_frame": query.frame[asked],
            "query_person": query.person[asked],
            "rank": rank + 1,
            "similarity": similarity[found],
            "file": file[hit],
            **({"video": video[hit]} if (video != "").any() else {}),
            "frame": frame[hit],
            "time": time[hit],
            "person": person[hit],
        }
        if encoder.config.calibration is not None:
            prior = search_prior(len(video) for poses in galleries for video in poses.by_video().values())
            columns["match_probability"] = encoder.match_probability_pairwise(
                _vectors(query)[asked], vectors[hit], prior=prior
            )
        among = f"{counted(len(file), 'pose')} of {counted(len(paths), 'file')}"
        if few := sum(int(poses.sparse().sum()) for poses in read):
            among += f"; {few:,} with fewer than {MIN_JOINTS} joints left out"
        return f"{self.give(columns)}{counted(len(hit), 'hit')} for {counted(len(query), 'pose')} among {among}"

    def _movements(self, seconds: float) -> str:
        paths, encoder = list(dict.fromkeys(expand(self.gallery))), self.encoder()
        query = self._query(encoder)
        stretches = [
            stretch
            for person in self._asked(query).people or (NOBODY,)
            for stretch in _stretches(query.select(query.person == person), self.frame, seconds)
        ]
        if not stretches:
            raise ValueError(f"{self.query} shows nobody for {SHORTEST:g} s{self._where()}; --frame alone finds poses")
        gallery = MovementIndex.build(
            (f"{path}:{video}" if video else str(path), poses)
            for path in paths
            for video, poses in self.read(path, encoder).by_video().items()
        )
        hits = [
            (stretch.frame[len(stretch) // 2], stretch.person[0], rank, hit)
            for stretch in stretches
            for rank, hit in enumerate(find_movement(stretch, gallery, top_k=self.top), start=1)
        ]
        columns: Columns = {
            "query_frame": np.array([frame for frame, *_ in hits], dtype=np.int64),
            "query_person": np.array([person for _, person, *_ in hits], dtype=np.int64),
            "rank": np.array([rank for *_, rank, _ in hits], dtype=np.int64),
            "similarity": np.array([hit.score for *_, hit in hits]),
            "file": np.array([hit.recording for *_, hit in hits], dtype=np.str_),
            "first_frame": np.array([hit.first_frame for *_, hit in hits], dtype=np.int64),
            "last_frame": np.array([hit.last_frame for *_, hit in hits], dtype=np.int64),
            "start": np.array([hit.start for *_, hit in hits]),
            "end": np.array([hit.end for *_, hit in hits]),
            "person": np.array([hit.person for *_, hit in hits], dtype=np.int64),
            "speed": np.array([hit.speed for *_, hit in hits]),
        }
        among = f"{counted(round(gallery.seconds), 'second')} of {counted(len(paths), 'file')}"
        return (
            f"{self.give(columns)}{counted(len(hits), 'hit')} for {counted(len(stretches), 'movement')} among {among}"
        )

    def _query(self, encoder: PoseEncoder) -> Poses:
        """The rows of whoever is searched for, of those in whom anything is seen."""
        query = _seen(self.read(expand_one(self.query), encoder, self.query_skeleton))
        return query if self.person is None else query.select(query.person == self.person)

    def _asked(self, query: Poses) -> Poses:
        """The rows to search for: those of --frame, if it is given."""
        asked = query if self.frame is None else query.select(query.frame == self.frame)
        if not len(asked):
            who = "nobody" if self.person is None else f"no person {self.person}"
            raise ValueError(
                f"{expand_one(self.query)} shows {who}{self._where()} with {MIN_JOINTS} joints or more, so there is "
                "nothing to search for"
            )
        return asked

    def _where(self) -> str:
        return "" if self.frame is None else f" in frame {self.frame}"


def _stretches(track: Poses, frame: int | None, seconds: float) -> Iterator[Poses]:
    """The time around a frame; or all of it, in equal parts that are no longer."""
    times = seconds_of(track)
    if frame is None:
        length = times[-1] - times[0]
        parts = max(1, math.ceil(length / seconds - _ROUNDING))
        number = np.minimum(parts * (times - times[0]) // max(length, _ROUNDING), parts - 1)
        masks = [number == part for part in range(parts)]
    else:
        masks = [np.abs(times - times[track.frame == frame][0]) <= seconds / 2 + _ROUNDING]
    return (track.select(mask) for mask in masks if mask.any() and np.ptp(times[mask]) >= SHORTEST - _ROUNDING)


def _seen(poses: Poses) -> Poses:
    """The rows that have vectors: those in which enough of somebody is seen."""
    return poses.select(np.isfinite(_vectors(poses)).all(-1))


def _vectors(poses: Poses) -> np.ndarray:
    assert poses.z_pose is not None  # as `read` gives them
    return poses.z_pose
