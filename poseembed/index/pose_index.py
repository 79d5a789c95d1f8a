"""`PoseIndex`: search among more than about a million pose vectors, with their ids, metadata and cameras."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int64
from numpy.typing import ArrayLike
from torch import Tensor
from typing_extensions import Self

from poseembed.encoder import PoseEncoder
from poseembed.index import files
from poseembed.index import vectors as faiss_vectors
from poseembed.index.files import Record
from poseembed.index.rows import Rows
from poseembed.keypoints import to_tensor
from poseembed.origin import MadeBy, meet
from poseembed.poses import Poses
from poseembed.search import CHUNK, Hits, check_where
from poseembed.vectors import PoseVectors, Vectors, unit

EXACT_UP_TO = 1_000_000
"""An index of more vectors than this is compressed and searched in part, unless `build` is told otherwise."""

NPROBE = 32
"""Lists that a query of an IVF index looks into, unless `PoseIndex.nprobe` is set."""

SAME_CAMERA, OTHER_CAMERA = (0.8, 1.0), (-1.0, 0.5)
"""Ranges for `view_similarity`; `PoseIndex.query` says what angles they are."""


class IndexHits(NamedTuple):
    """What `PoseIndex.query` returns: `search`'s hits with what the index knows of them.

    Attributes:
        similarities: (..., top_k) cosines, float32, the largest first; NaN where there is no hit.
        indices: (..., top_k) rows of the index, int64; -1 where there is no hit.
        ids: (..., top_k) their ids; -1 or "" where there is no hit.
        metadata: Of each column the values in these rows, (..., top_k); NaN, -1, "" or False where there is no hit.

    Examples:
        >>> from poseembed.index import PoseIndex
        >>> hits = PoseIndex.build(np.eye(3), ids=["a", "b", "c"]).query(np.array([0.8, 0.6, 0.0]), top_k=2)
        >>> hits.ids.tolist(), hits.similarities.round(2)
        (['a', 'b'], array([0.8, 0.6], dtype=float32))
    """

    similarities: Float[np.ndarray, "*batch top_k"]
    indices: Int64[np.ndarray, "*batch top_k"]
    ids: np.ndarray
    metadata: dict[str, np.ndarray]


class PoseIndex:
    """Pose vectors to search in, each with an id, metadata and, if wanted, the view vector of its camera.

    Make one with `build`, or `load` a saved one. Vectors are compared by cosine. Up to a million are searched exactly,
    with the hits of `poseembed.search`; more are kept in half precision, in lists of which a query looks into the most
    promising ones. Needs faiss: `pip install "poseembed[search]"`.

    A pose without joints has no vector that could be found. Its row is left out together with its id and metadata,
    so that the others keep theirs; `skipped` says how many.

    Examples:
        >>> from poseembed.index import PoseIndex
        >>> z_pose = np.random.default_rng(0).normal(size=(1000, 32))  # yours: of 40 seconds of video
        >>> PoseIndex.build(z_pose, metadata={"second": np.arange(1000) / 25}).save("index")
        >>> index = PoseIndex.load("index")
        >>> index.query(z_pose[40], top_k=3, where=index.metadata["second"] > 1).metadata["second"].tolist()
        [1.6, 36.48, 8.0]
    """

    def __init__(self, index: Any, rows: Rows, record: Record) -> None:
        self._index, self._rows, self._record = index, rows, record

    @classmethod
    def build(
        cls,
        poses: Vectors,
        z_view: np.ndarray | Tensor | None = None,
        *,
        ids: ArrayLike | None = None,
        metadata: Mapping[str, ArrayLike] | None = None,
        kind: str | None = None,
        encoder: PoseEncoder | None = None,
    ) -> Self:
        """Make an index; `add` can put more into it.

        Args:
            poses: (rows, pose_dim) pose vectors; or embedded `Poses`, whose view vectors and columns `video`, `frame`,
                `person`, `time` and `image` come along.
            z_view: (rows, view_dim) view vectors, to choose hits by their cameras. They are kept in float16.
            ids: (rows,) whole numbers or texts; they need not differ. If None, rows are numbered in the order in
                which they came, those that are left out included.
            metadata: Columns by name, each (rows,) numbers, booleans or texts. Every text takes the room of the
                longest in its column: of long ones, such as paths, better keep a list and give their numbers here.
            kind: A factory string of faiss, "Flat" or one that begins with "IVF". None is "Flat", which is exact, for
                up to a million rows, and for more "IVFn,SQfp16" with n = 4 sqrt(rows) lists. The lists are learnt from
                these rows alone: if many more will be added, let these be drawn at random from all, and choose n by
                the number of all.
            encoder: What made the vectors; embedded `Poses` say so themselves. Vectors of another space are refused
                from then on.

        Raises:
            ImportError: If faiss is not installed.
            TypeError: If an input is not of the kind described.
            ValueError: If shapes do not fit each other, the vectors are not of the encoder's space, faiss has no such
                kind, or learns from more vectors.
        """
        vectors, rows, made_by = _inputs(poses, z_view, ids, metadata, first_id=0)
        made_by = meet(made_by, None if encoder is None else encoder.made_by, ("poses", "the encoder"))
        found = vectors.isfinite().all(-1)
        count = int(found.sum())
        kind = kind or ("Flat" if count <= EXACT_UP_TO else large_kind(count))
        index = faiss_vectors.new(kind, vectors.shape[1], nprobe=NPROBE)
        faiss_vectors.train(index, vectors, found)
        record = Record(kind, own_ids=ids is not None, made_by=made_by)
        built = cls(index, rows.select(np.zeros(len(rows), dtype=bool)), record)
        built._append(vectors, rows)
        return built

    def add(
        self,
        poses: Vectors,
        z_view: np.ndarray | Tensor | None = None,
        *,
        ids: ArrayLike | None = None,
        metadata: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        """Put more rows in, with the same columns as those that are there; see `build` for arguments and errors."""
        if (ids is not None) != self._record.own_ids:
            raise ValueError(f"this index was built with{'' if self._record.own_ids else 'out'} ids; add rows likewise")
        vectors, rows, origin = _inputs(poses, z_view, ids, metadata, first_id=len(self) + self.skipped)
        self._check_dim(vectors.shape, "poses")
        made_by = meet(self.made_by, origin, ("this index", "poses"))
        self._append(vectors, rows)
        self._record.made_by = made_by

    def query(
        self,
        poses: Vectors,
        *,
        top_k: int = 10,
        where: np.ndarray | Tensor | None = None,
        z_view: np.ndarray | Tensor | None = None,
        view_similarity: tuple[float, float] | None = None,
    ) -> IndexHits:
        """Find the poses that are most alike, among all or among what certain cameras saw.

        An IVF index can miss hits, more so where few rows are chosen; see `nprobe`. Its similarities are those of
        compressed vectors.

        The cosine of two view vectors is about that of the angle between the directions to their cameras, seen from
        the bodies and relative to where these face. With `poseembed-base` and cameras on all sides of unseen people
        the angles are these (`python -m training.benchmarks.search`; they hardly depend on whether the poses agree):

        | view_similarity | pairs | median | 5 % to 95 %  |               |
        |-----------------|-------|--------|--------------|---------------|
        | 0.9 to 1        | 5 %   | 16°    | 4° to 34°    |               |
        | 0.8 to 1        | 11 %  | 23°    | 6° to 46°    | SAME_CAMERA   |
        | -1 to 0.5       | 72 %  | 113°   | 51° to 164°  | OTHER_CAMERA  |
        | -1 to 0         | 50 %  | 129°   | 81° to 167°  |               |
        | -1 to -0.5      | 28 %  | 144°   | 109° to 170° |               |

        Args:
            poses: Embedded `Poses`, which bring their view vectors, or (..., pose_dim) pose vectors; (pose_dim,) is a
                single one.
            top_k: Hits a query.
            where: (rows,) booleans, such as `index.metadata["person"] == 2`; other rows are no hits.
            z_view: (..., view_dim) view vectors of the queries.
            view_similarity: Least and largest cosine of the view vectors of query and hit, such as `SAME_CAMERA` or
                `OTHER_CAMERA`. Each query then takes a pass over all view vectors.

        Returns:
            Numpy arrays, whatever came in. Where there are fewer hits than `top_k` the rest is NaN, -1 and so on; a
            query that is not finite gets none.

        Raises:
            TypeError: If an input is not of the kind described.
            ValueError: If shapes do not fit, `Poses` are not embedded or of another space than the index, `top_k` is
                under 1, or the cameras cannot be compared.
        """
        asked = PoseVectors.of(poses, "poses")
        z_pose = asked.z_pose
        self._check_dim(z_pose.shape, "poses")
        meet(self.made_by, asked.made_by, ("this index", "poses"))
        if isinstance(poses, Poses):
            if z_view is not None:
                raise ValueError(_OWN_VIEWS)
            z_view = asked.z_view if view_similarity is not None else None
        if top_k < 1:
            raise ValueError(f"got top_k={top_k}; it must be at least 1")
        leading = tuple(z_pose.shape[:-1])
        queries = unit(to_tensor(z_pose, "poses").reshape(-1, self._index.d)).cpu()
        wanted = None if where is None else check_where(where, len(self)).cpu()
        if z_view is None and view_similarity is None:
            hits = faiss_vectors.nearest_rows(self._index, queries, top_k, wanted)
        elif z_view is None or view_similarity is None:
            raise ValueError("to choose hits by their cameras pass both z_view and view_similarity")
        else:
            shape = (len(queries), top_k)
            hits = Hits(np.empty(shape, np.float32), np.empty(shape, np.int64))
            for i, seen in enumerate(self._rows.seen_from(z_view, leading, *view_similarity)):
                seen = seen if wanted is None else seen & wanted
                one = faiss_vectors.nearest_rows(self._index, queries[i : i + 1], top_k, seen)
                hits.similarities[i], hits.indices[i] = one.similarities[0], one.indices[0]
        similarities, indices = (part.reshape(*leading, top_k) for part in hits)
        return IndexHits(similarities, indices, *self._rows.at(indices))

    def vectors(self, rows: Int64[np.ndarray, "*batch"]) -> Float32[np.ndarray, "*batch pose_dim"]:
        """The pose vectors of some rows, for `PoseEncoder.match_probability`.

        They are as long as they were when they came, which says how sure the encoder was of the pose. The directions
        of an IVF index are compressed ones.

        Args:
            rows: (...) rows, such as `IndexHits.indices`; at -1, where there is no hit, the vector is NaN.

        Raises:
            IndexError: If there is no such row.

        Examples:
            >>> from poseembed.index import PoseIndex
            >>> index = PoseIndex.build(np.array([[0.0, 0.5], [0.3, 0.0]]))
            >>> index.vectors(np.array([1, 0, -1])).tolist()
            [[0.30..., 0.0], [0.0, 0.5], [nan, nan]]
        """
        wanted = rows.reshape(-1)
        if len(wanted) and not -1 <= wanted.min() <= wanted.max() < len(self):
            raise IndexError(f"got rows {wanted.min()} to {wanted.max()}; this index has {len(self)}, -1 is none")
        there = wanted >= 0
        vectors = np.full((len(wanted), self._index.d), np.nan, dtype=np.float32)
        length = self._rows["length"][wanted[there]]
        vectors[there] = length[:, None] * faiss_vectors.stored(self._index, wanted[there])
        return vectors.reshape(*rows.shape, self._index.d)

    def __len__(self) -> int:
        """Number of rows, without those left out."""
        return len(self._rows)

    @property
    def ids(self) -> np.ndarray:
        """(rows,) ids."""
        return self._rows["ids"]

    @property
    def metadata(self) -> dict[str, np.ndarray]:
        """Columns by name, each (rows,)."""
        return self._rows.metadata

    @property
    def kind(self) -> str:
        """How the vectors are kept, a factory string of faiss."""
        return self._record.kind

    @property
    def skipped(self) -> int:
        """Rows left out because their vectors were not finite."""
        return self._record.skipped

    @property
    def made_by(self) -> MadeBy | None:
        """What made the vectors, if they came in embedded `Poses` or `build` was told the encoder."""
        return self._record.made_by

    @property
    def nprobe(self) -> int:
        """How many lists a query of an IVF index looks into: with more it finds more, and takes longer.

        Of the ten nearest of 100,000 real vectors "IVF1265,SQfp16" finds 94 % with 8 lists, 98 % with 16, 99.5 % with
        32 (the default) and all with 128; "IVF1265,SQ8", at half the memory, 97.5 % at most
        (`python -m training.benchmarks.search --size 100000`).

        Raises:
            AttributeError: If the kind has no lists.
            ValueError: When set to what is not from 1 to the number of lists.
        """
        return int(self._lists().nprobe)

    @nprobe.setter
    def nprobe(self, lists: int) -> None:
        if not 1 <= lists <= self._lists().nlist:
            raise ValueError(f"got nprobe={lists}; this index has {self._index.nlist} lists")
        self._index.nprobe = lists

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the index to a folder, in place of an index that is there; a kill leaves the old one or the new one.

        Raises:
            FileExistsError: If the folder holds something else.
            OSError: If a file cannot be written, because the disk is full say; what was there is then untouched.
        """
        files.write(Path(os.path.expanduser(folder)), self._index, self._rows, self._record)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, encoder: PoseEncoder | None = None) -> Self:
        """Read a saved index.

        Args:
            folder: Where `save` put it.
            encoder: What will make the queries; an index whose vectors lie in another space, or do not say in which,
                is refused.

        Raises:
            FileNotFoundError: If a file of the index is not there.
            ImportError: If faiss is not installed.
            ValueError: If its files are damaged or do not belong together, it was made by a newer library, or its
                vectors are not of the encoder's space.
        """
        index, rows, record = files.read(Path(os.path.expanduser(folder)))
        if encoder is not None:
            if record.made_by is None:
                raise ValueError(
                    f"the index in {folder} does not say which checkpoint made its vectors; load it without encoder if "
                    "you know, or build it again with one"
                )
            meet(record.made_by, encoder.made_by, (f"the index in {folder}", "the encoder"))
        return cls(index, rows, record)

    def _append(self, vectors: Float[Tensor, "rows dim"], rows: Rows) -> None:
        found = vectors.isfinite().all(-1)
        self._rows.append(rows.select(found.numpy()))
        for part, kept in zip(vectors.split(CHUNK), found.split(CHUNK), strict=True):
            self._index.add(unit(part[kept]).numpy())
        self._record.skipped += int((~found).sum())

    def _lists(self) -> Any:
        if not hasattr(self._index, "nlist"):
            raise AttributeError(f"an index of kind {self.kind!r} has no lists to look into")
        return self._index

    def _check_dim(self, shape: tuple[int, ...], name: str) -> None:
        if shape[-1] != self._index.d:
            raise ValueError(f"got {name} of shape {tuple(shape)}; the vectors of this index are {self._index.d} long")


_OWN_VIEWS = "poses bring their own z_view; pass poses.z_pose to give another"


def large_kind(rows: int) -> str:
    """The kind of a large index: 4 sqrt(rows) lists of vectors in half precision."""
    return f"IVF{round(4 * math.sqrt(rows))},SQfp16"


def _inputs(
    poses: Vectors,
    z_view: np.ndarray | Tensor | None,
    ids: ArrayLike | None,
    metadata: Mapping[str, ArrayLike] | None,
    *,
    first_id: int,
) -> tuple[Float[Tensor, "rows dim"], Rows, MadeBy | None]:
    """Check what a user gives for some rows."""
    columns = dict(metadata or {})
    given = PoseVectors.of(poses, "poses")
    vectors = given.z_pose
    if isinstance(poses, Poses):
        if z_view is not None:
            raise ValueError(_OWN_VIEWS)
        z_view = given.z_view
        columns = {name: getattr(poses, name) for name in ("video", "frame", "person", "time", "image")} | columns
    if vectors.ndim != 2:
        raise ValueError(f"got poses of shape {tuple(vectors.shape)}; wanted (rows, pose_dim) pose vectors")
    taken = to_tensor(vectors, "poses").cpu()
    length = taken.float().norm(dim=-1).numpy()
    rows = Rows.from_inputs(length, ids=ids, first_id=first_id, metadata=columns, z_view=z_view)
    return taken, rows, given.made_by
