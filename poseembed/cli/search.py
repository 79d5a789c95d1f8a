"""`poseembed search`: poses of a gallery that are like those of a query."""

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseembed.calibration import search_prior
from poseembed.cli.shared import MIXED, ReadingCommand
from poseembed.encoder import PoseEncoder
from poseembed.files.tables import Columns
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
    )

    query: Path
    gallery: list[Path]
    frame: int | None
    top: int

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add what to search for, where, how many hits to give, and how to read."""
        parser.add_argument("query", type=Path, help=MIXED)
        parser.add_argument("gallery", type=Path, nargs="+", help="the same, to search in")
        parser.add_argument("--frame", type=int, metavar="N", help="search for frame N of the query only")
        parser.add_argument("--top", type=int, default=10, metavar="K", help="hits for each pose (%(default)s)")
        super().add_arguments(parser)

    def run(self) -> None:
        """A row a hit: those of a pose of the query together, the best first."""
        self.check_out()
        encoder = self.encoder()
        query = self._query(encoder)
        galleries = [self.read(path, encoder) for path in self.gallery]
        file = np.repeat([str(path) for path in self.gallery], [len(poses) for poses in galleries])
        frame, time, person = (
            np.concatenate([getattr(poses, name) for poses in galleries]) for name in ("frame", "time", "person")
        )
        similarity, rows = search(
            _vectors(query), np.concatenate([_vectors(poses) for poses in galleries]), top_k=self.top
        )
        found = rows >= 0
        asked, rank = np.nonzero(found)
        hit = rows[found]
        columns: Columns = {
            "query_frame": query.frame[asked],
            "query_person": query.person[asked],
            "rank": rank + 1,
            "similarity": similarity[found],
            "file": file[hit],
            "frame": frame[hit],
            "time": time[hit],
            "person": person[hit],
        }
        if encoder.config.calibration is not None:
            prior = search_prior(map(len, galleries))
            columns["match_probability"] = encoder.match_probability(similarity[found], prior=prior)
        self.give(columns)

    def _query(self, encoder: PoseEncoder) -> Poses:
        """The rows to search for, of those in whom anything is seen."""
        query = self.read(self.query, encoder)
        if self.frame is not None:
            query = query.select(query.frame == self.frame)
        query = query.select(np.isfinite(_vectors(query)).all(-1))
        if not len(query):
            where = "" if self.frame is None else f" in frame {self.frame}"
            raise ValueError(f"{self.query} shows nobody{where}, so there is nothing to search for")
        return query


def _vectors(poses: Poses) -> np.ndarray:
    assert poses.z_pose is not None  # as `read` gives them
    return poses.z_pose
