"""From pieces of a video to the same pieces with vectors, as soon as what comes after them is there."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from poseembed.batches import BATCH_SIZE
from poseembed.encoder import PoseEncoder
from poseembed.keypoints import MIN_CONFIDENCE, MIN_JOINTS
from poseembed.poses import Poses
from poseembed.tracks import embed_rows, reach_of


def embed_pieces(
    pieces: Iterable[Poses],
    encoder: PoseEncoder,
    *,
    context: float | None = 0.0,
    look_ahead: float | None = None,
    before: Poses | None = None,
) -> Iterator[Poses]:
    """Embed the pieces of a video in their order; memory does not grow with its length.

    The vectors are those that all the pieces joined would get from `Poses.embed` (to about 1e-5 of their length): each
    piece is given out when the frames that come after it, as far as they are read, are there too. So vectors come later
    than frames by up to 0.45 s, or by `look_ahead` and 1/60 s, or at once where that is 0 or there is no context.

    Args:
        pieces: Such as `detect_video` gives.
        encoder: What embeds them.
        context: As in `Poses.embed`, and so is the next.
        look_ahead: Seconds after a frame that are read.
        before: What comes before the first piece, if anything; it is read, and not given out.

    Yields:
        The pieces with vectors.

    Raises:
        TypeError, ValueError: As `PoseEncoder.embed_clip` does.

    Examples:
        >>> from poseembed import PoseEncoder, Poses
        >>> from poseembed.video import embed_pieces
        >>> points = np.random.default_rng(0).normal(300, 100, size=(6, 13, 2))
        >>> film = Poses.from_arrays(points, person=[0] * 6, time=np.arange(6) / 25)
        >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
        >>> [piece.z_pose.shape for piece in embed_pieces([film[:4], film[4:]], encoder)]
        [(4, 32), (2, 32)]
    """
    reach = reach_of(encoder, context, look_ahead)
    back, ahead = reach.seconds_back, reach.seconds_ahead
    of_all = encoder.made_by if encoder.clip_made_by is None or reach == (0, 0) else encoder.clip_made_by
    earlier = Poses.concatenate([] if before is None else [_plain(before)])
    waiting: deque[Poses] = deque()

    def first() -> Poses:
        nonlocal earlier
        piece = waiting.popleft()
        start, end = _span(piece)
        earlier = _between(earlier, start - back, np.inf)
        joined = Poses.concatenate([earlier, piece, *(_between(later, -np.inf, end + ahead) for later in waiting)])
        rows = slice(len(earlier), len(earlier) + len(piece))
        wanted = np.zeros(len(joined), dtype=bool)
        wanted[rows] = True
        z_pose, z_view, made_by = embed_rows(
            encoder,
            joined.keypoints,
            joined.confidence,
            joined.video,
            joined.person,
            joined.time,
            context=context,
            look_ahead=look_ahead,
            wanted=wanted,
            min_joints=MIN_JOINTS,
            min_confidence=MIN_CONFIDENCE,
            batch_size=BATCH_SIZE,
            show_progress_bar=False,
        )
        if np.isnan(joined.keypoints).all():
            made_by = of_all  # a piece without anybody is of the same kind
        earlier = joined[: rows.stop]
        return replace(piece, z_pose=z_pose[rows], z_view=z_view[rows], made_by=made_by)

    def complete(piece: Poses) -> bool:
        return ahead == 0 or not piece.timed or newest > _span(piece)[1] + ahead

    newest = -np.inf
    for piece in pieces:
        waiting.append(_plain(piece))
        newest = max(newest, _span(piece)[1])
        while waiting and complete(waiting[0]):
            yield first()
    while waiting:
        yield first()


def latest(poses: Poses, seconds: float) -> Poses:
    """The rows that were seen last, in so many seconds."""
    return _between(poses, _span(poses)[1] - seconds, np.inf)


def _plain(poses: Poses) -> Poses:
    """The rows without vectors."""
    return replace(poses, z_pose=None, z_view=None, made_by=None)


def _span(poses: Poses) -> tuple[float, float]:
    """When the first and the last row were seen, of those of which that is known; never, if it is of none."""
    times = poses.time[~np.isnan(poses.time)]
    return float(times.min(initial=np.inf)), float(times.max(initial=-np.inf))


def _between(poses: Poses, start: float, end: float) -> Poses:
    """The rows that were seen from one moment to another."""
    return poses.select((poses.time >= start) & (poses.time <= end))
