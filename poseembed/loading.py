"""From whatever holds people to their embedded poses: a file of poses, the folder of a long video, or a video."""

import os
from pathlib import Path

from poseembed.encoder import PoseEncoder
from poseembed.files.poses import POSE_SUFFIXES, read_poses
from poseembed.poses import Poses


def load_embedded(
    path: str | os.PathLike[str],
    encoder: PoseEncoder,
    *,
    skeleton: str = "poseembed13",
    landmarker: str | os.PathLike[str] | None = None,
    show_progress_bar: bool = False,
) -> Poses:
    """Read poses, or find them, and embed them where that is not done yet.

    Vectors that a file holds are kept if it says that the encoder, or another one of its space, made them (`made_by`,
    which `write_poses` keeps). Any others are made again.

    Args:
        path: A file of poses, see `read_poses`; a folder that `poseembed.video.embed_video_to` wrote; or a video, see
            `poseembed.video.embed_video`.
        encoder: What embeds.
        skeleton: Skeleton of the keypoints in an NPY or NPZ file, see `poseembed.SKELETONS`.
        landmarker: MediaPipe's pose landmarker for videos, see `poseembed.video.detect_video`.
        show_progress_bar: Show one, on stderr.

    Returns:
        Poses with vectors, in the order of the frames; NaN rows where nobody was found.

    Raises:
        FileNotFoundError: If there is no such file or folder, or the folder holds no poses.
        ImportError: If it takes a package that is not installed; the message names the extra.
        OSError: If it is a video, and the landmarker has to be downloaded and cannot.
        ValueError: If a file is damaged or does not hold what it should.

    Examples:
        >>> from poseembed import PoseEncoder, load_embedded
        >>> np.save("keypoints.npy", np.random.default_rng(0).normal(300, 100, size=(20, 17, 2)))
        >>> poses = load_embedded("keypoints.npy", PoseEncoder.from_pretrained("poseembed-small"), skeleton="coco")
        >>> poses.keypoints.shape, poses.z_pose.shape
        ((20, 13, 2), (20, 32))
    """
    path = Path(os.path.expanduser(path))
    if path.is_dir():
        return _embedded(Poses.concatenate(map(read_poses, shards(path))), encoder, show_progress_bar)
    if path.suffix.lower() in POSE_SUFFIXES:
        return _embedded(read_poses(path, skeleton=skeleton), encoder, show_progress_bar)
    from poseembed.video import embed_video  # poses in files need none of it

    return embed_video(path, encoder, landmarker=landmarker, show_progress_bar=show_progress_bar)


def shards(folder: Path) -> list[Path]:
    """The files that `embed_video_to` wrote into a folder, in order.

    Raises:
        FileNotFoundError: If there are none.
    """
    files = sorted(folder.glob("[!.]*.npz"))
    if not files:
        raise FileNotFoundError(f"{folder} holds no poses; wanted the .npz files that embed_video_to writes")
    return files


def _embedded(poses: Poses, encoder: PoseEncoder, show_progress_bar: bool) -> Poses:
    """Poses with vectors of the encoder's space: theirs, if they say so."""
    if poses.z_pose is not None and poses.made_by is not None and poses.made_by.space == encoder.space:
        return poses
    return poses.embed(encoder, show_progress_bar=show_progress_bar)
