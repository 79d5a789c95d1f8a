"""`embed_file`: the vectors of a file that is larger than memory, in a folder of files that appear one by one."""

import hashlib
import os
from dataclasses import asdict, dataclass
from itertools import count, takewhile
from pathlib import Path

import numpy as np
from tqdm import tqdm
from typing_extensions import NamedTuple

from poseembed._version import __version__
from poseembed.encoder import PoseEncoder
from poseembed.files.atomic import replacing
from poseembed.files.claims import claim
from poseembed.files.records import RecordKind
from poseembed.files.values import are_scores, check_points, settle_scores
from poseembed.keypoints import MIN_CONFIDENCE
from poseembed.large.sources import Rows, Source, open_source
from poseembed.skeleton import Skeleton, SkeletonName, check_joint_count, get_skeleton

SHARD_ROWS = 1 << 17
"""Rows in a file of vectors, 17 MB each of 32 numbers, unless somebody says otherwise."""

RECORD_FILE = "embedded.json"
_RECORD = RecordKind(
    name="the record of an embedded file",
    folder="it is not the work of embed_file()",
    version=1,
    remedy="pass another folder",
)
_BEGINNING = 1 << 16  # bytes of each file that tell it from another of the same size


class VectorFiles(NamedTuple):
    """What `embed_file` wrote: for each part of the rows a file, in order, which `numpy.load` can map into memory.

    Attributes:
        z_pose: Files of (rows, pose_dim) pose vectors.
        z_view: Files of (rows, view_dim) view vectors.

    Examples:
        >>> from poseembed import PoseEncoder
        >>> from poseembed.large import embed_file
        >>> np.save("keypoints.npy", np.random.default_rng(0).normal(300, 100, size=(250, 13, 2)))
        >>> files = embed_file("keypoints.npy", "vectors", PoseEncoder.from_pretrained("poseembed-small"))
        >>> np.load(files.z_view[0], mmap_mode="r").shape
        (250, 32)
    """

    z_pose: list[Path]
    z_view: list[Path]


@dataclass(frozen=True)
class Job:
    """What a folder is the work of: a call goes on with it only if all of this is the same."""

    poseembed_version: str
    made_by: str
    files: int
    bytes: int
    beginnings: str
    rows: int
    skeleton: str
    min_confidence: float
    shard_rows: int

    def claim(self, folder: Path) -> None:
        """Mark a folder as that of this job, making it if it is not there.

        Raises:
            ValueError: If it holds something else, or another job's work.
        """
        claim(folder / RECORD_FILE, asdict(self), _RECORD, "embed_file()")


def embed_file(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    encoder: PoseEncoder | None = None,
    *,
    skeleton: SkeletonName | Skeleton = "poseembed13",
    min_confidence: float = MIN_CONFIDENCE,
    shard_rows: int = SHARD_ROWS,
    show_progress_bar: bool = False,
) -> VectorFiles:
    """Embed a file that is larger than memory into a folder, and go on after an interruption.

    `shard_rows` rows at a time are read, embedded and written, each file whole or not at all; so the memory that it
    takes does not grow with the file. Called again with the same arguments it goes on where it stopped; called once
    more when all is done it only looks. The vectors are those of `PoseEncoder.embed`, in the order of the rows.

    Args:
        source: An NPY file, (rows, joints, 2) points (x, y), y down, NaN missing, or (rows, joints, 3) with the score
            last; or a Parquet or Arrow file (.parquet, .arrow, .feather), or a folder of such files, with a column
            `keypoints` of such numbers, nested or one after the other, or with the columns of `poseembed.files.poses`.
        folder: Where to write; made if it is not there, else empty or of an earlier call. One call at a time. Its
            `embedded.json` says what made the vectors.
        encoder: What embeds; None is the packaged default.
        skeleton: Skeleton of the keypoints, see `poseembed.SKELETONS`.
        min_confidence: Least score of a joint that is there.
        shard_rows: Rows in a file.
        show_progress_bar: Show one, on stderr, with poses a second and the time that is left.

    Returns:
        The files of vectors, NaN rows for poses without joints.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ImportError: If it takes pyarrow, which is not installed.
        ValueError: If a file is damaged, is of another kind or does not fit the skeleton; or if the folder holds
            something else, or the work on another file or with another encoder, setting or version.

    Examples:
        >>> from poseembed import PoseEncoder
        >>> from poseembed.large import embed_file
        >>> np.save("keypoints.npy", np.random.default_rng(0).normal(300, 100, size=(250, 17, 2)))
        >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
        >>> files = embed_file("keypoints.npy", "vectors", encoder, skeleton="coco", shard_rows=100)
        >>> [(file.name, len(np.load(file))) for file in files.z_pose]
        [('z_pose-00000.npy', 100), ('z_pose-00001.npy', 100), ('z_pose-00002.npy', 50)]
    """
    if shard_rows < 1:
        raise ValueError(f"got shard_rows={shard_rows}; it must be at least 1")
    joints = get_skeleton(skeleton)
    opened, folder = open_source(Path(source).expanduser()), Path(folder).expanduser()
    for first in opened.parts(0, 1):
        _points_and_scores(first, joints)  # what does not fit is refused before the folder is made
        break
    encoder = PoseEncoder.from_pretrained() if encoder is None else encoder
    Job(
        poseembed_version=__version__,
        made_by=str(encoder.made_by),
        files=len(opened.files),
        bytes=sum(file.stat().st_size for file in opened.files),
        beginnings=_beginnings(opened),
        rows=opened.rows,
        skeleton=joints.name if isinstance(skeleton, str) else repr(joints),
        min_confidence=min_confidence,
        shard_rows=shard_rows,
    ).claim(folder)
    shards = list(takewhile(_is_done, (_shard(folder, number) for number in count())))
    done = min(len(shards) * shard_rows, opened.rows)
    with tqdm(
        desc="embed", total=opened.rows, initial=done, unit="pose", unit_scale=True, disable=not show_progress_bar
    ) as bar:
        for rows in opened.parts(done, shard_rows):
            shards.append(_shard(folder, len(shards)))
            points, scores = _points_and_scores(rows, joints)
            vectors = encoder.embed(points, scores, skeleton=skeleton, min_confidence=min_confidence)
            for path, values in zip(shards[-1], vectors, strict=True):
                with replacing(path) as file:
                    np.save(file, values)
            bar.update(len(rows))
    return VectorFiles(*map(list, zip(*shards, strict=True))) if shards else VectorFiles([], [])


def _points_and_scores(rows: Rows, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray | None]:
    """(rows, joints, 2) points, and (rows, joints) scores where there are any."""
    if rows.ndim == 2:
        width = next((width for width in (2, 3) if rows.shape[1] == width * skeleton.num_joints), None)
        if width is None:
            raise ValueError(
                f"got {rows.shape[1]} numbers a pose; wanted {2 * skeleton.num_joints}, or with scores "
                f"{3 * skeleton.num_joints}, for skeleton={skeleton.name!r}"
            )
        rows = rows.reshape(len(rows), -1, width)
    if rows.ndim != 3 or rows.shape[-1] not in (2, 3):
        raise ValueError(f"got {rows.shape[1:]} numbers a pose; wanted (joints, 2), or (joints, 3) with the score last")
    check_joint_count(rows.shape[1], skeleton)
    check_points(rows[..., :2])
    if rows.shape[-1] == 2:
        return rows, None
    if not are_scores(rows[..., 2]):
        raise ValueError("the third number of a joint is not a score (0 to 1); poses are 2D here, so leave a depth out")
    return rows[..., :2], settle_scores(rows[..., 2].astype(np.float32))


def _beginnings(source: Source) -> str:
    """SHA-256 of the first bytes of all files, which are too large to read whole for that."""
    digest = hashlib.sha256()
    for path in source.files:
        with path.open("rb") as file:
            digest.update(file.read(_BEGINNING))
    return digest.hexdigest()


def _shard(folder: Path, number: int) -> tuple[Path, Path]:
    """The files of the pose and view vectors of a part of the rows, from 0."""
    return folder / f"z_pose-{number:05d}.npy", folder / f"z_view-{number:05d}.npy"


def _is_done(shard: tuple[Path, Path]) -> bool:
    return all(path.exists() for path in shard)
