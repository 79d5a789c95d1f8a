"""`poseembed search`: poses of a gallery that are like those of a query."""

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseembed.calibration import search_prior
from poseembed.cli.arguments import add_skeleton, expand, expand_one, whole
from poseembed.cli.outputs import counted
from poseembed.cli.shared import MIXED, ReadingCommand
from poseembed.encoder import PoseEncoder
from poseembed.files.tables import Columns
from poseembed.keypoints import MIN_JOINTS
from poseembed.poses import Poses
from poseembed.search import search


@dataclass(frozen=True, kw_only=True)
class Search(ReadingCommand):
    """Options of `poseembed search`."""

    name = "search"
    summary = "find similar poses, from any camera"
    usage = (
        "query.npz gallery.npz --top 5",
        "query.mp4 videos/*.npz --frame 40 --out hits.csv",
        "query.npy videos/*.npz --query-skeleton coco",
    )
    whose = "search for person P of the query only"

    query: Path
    gallery: list[Path]
    frame: int | None
    top: int
    query_skeleton: str | None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add what to search for, where, how many hits to give, and how to read."""
        parser.add_argument("query", type=Path, help=MIXED)
        parser.add_argument("gallery", type=Path, nargs="+", help="the same, to search in")
        parser.add_argument("--frame", type=whole(0), metavar="N", help="search for frame N of the query only")
        parser.add_argument("--top", type=whole(1), default=10, metavar="K", help="hits for each pose (%(default)s)")
        super().add_arguments(parser)
        add_skeleton(parser, "--query-skeleton", " of the query, if another")

    def run(self) -> str:
        """A row a hit: those of a pose of the query together, the best first."""
        self.check_out()
        paths, encoder = expand(self.gallery), self.encoder()
        query = self._query(encoder)
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

    def _query(self, encoder: PoseEncoder) -> Poses:
        """The rows to search for, of those in whom anything is seen."""
        path = expand_one(self.query)
        query = _seen(self.read(path, encoder, self.query_skeleton))
        if self.person is not None:
            query = query.select(query.person == self.person)
        if self.frame is not None:
            query = query.select(query.frame == self.frame)
        if not len(query):
            who = "nobody" if self.person is None else f"no person {self.person}"
            where = "" if self.frame is None else f" in frame {self.frame}"
            raise ValueError(
                f"{path} shows {who}{where} with {MIN_JOINTS} joints or more, so there is nothing to search for"
            )
        return query


def _seen(poses: Poses) -> Poses:
    """The rows that have vectors: those in which enough of somebody is seen."""
    return poses.select(np.isfinite(_vectors(poses)).all(-1))


def _vectors(poses: Poses) -> np.ndarray:
    assert poses.z_pose is not None  # as `read` gives them
    return poses.z_pose
