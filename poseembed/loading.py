"""From whatever holds people to their embedded poses: a file of poses, the folder of a long video, or a video."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from poseembed.encoder import PoseEncoder
from poseembed.files.poses import POSE_SUFFIXES, read_poses
from poseembed.poses import Poses
from poseembed.skeleton import Skeleton, SkeletonName


def load_embedded(
    path: str | os.PathLike[str],
    encoder: PoseEncoder,
    *,
    skeleton: SkeletonName | Skeleton = "poseembed13",
    landmarker: str | os.PathLike[str] | None = None,
    show_progress_bar: bool = False,
) -> Poses:
    """Read poses, or find them, and embed them where that is not done yet.

    Vectors that a file holds are kept if it says that the encoder, or another one of its space, made them (`made_by`,
    which `write_poses` keeps). Any others are made again.

    Args:
        path: A file of poses, see `read_poses`; a folder that `poseembed.video.embed_video_to` or `embed_videos_to`
            wrote; a folder of other .npz files of poses, each of a video that is called after it, if it does not name
            its videos itself; or a video, see `poseembed.video.embed_video`.
        encoder: What embeds.
        skeleton: Skeleton of the keypoints in NPY and NPZ files, see `poseembed.SKELETONS`.
        landmarker: MediaPipe's pose landmarker for videos, see `poseembed.video.detect_video`.
        show_progress_bar: Show one, on stderr.

    Returns:
        Poses with vectors, in the order of the frames, video by video; NaN rows where nobody was found.

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
        return Poses.concatenate(_embedded(part, encoder, show_progress_bar) for part in read_folder(path, skeleton))
    if path.suffix.lower() in POSE_SUFFIXES:
        return _embedded(read_poses(path, skeleton=skeleton), encoder, show_progress_bar)
    from poseembed.video import embed_video  # poses in files need none of it

    return embed_video(path, encoder, landmarker=landmarker, show_progress_bar=show_progress_bar)


def read_folder(folder: Path, skeleton: SkeletonName | Skeleton = "poseembed13") -> Iterator[Poses]:
    """The poses of a folder: of one video in many files if `embed_video_to` wrote it, else video by video.

    Raises:
        FileNotFoundError: If it holds neither .npz files nor folders that `embed_video_to` wrote.
        ValueError: If one is damaged or does not hold what it should.
    """
    from poseembed.video.job import is_job

    files, videos = sorted(folder.glob("[!.]*.npz")), sorted(filter(is_job, folder.iterdir()))
    if not files and not videos:
        raise FileNotFoundError(
            f"{folder} holds no poses; wanted the .npz files that embed_video_to or write_poses writes"
        )
    if is_job(folder):
        yield Poses.concatenate(map(read_poses, files))
        return
    for file in files:
        poses = read_poses(file, skeleton=skeleton)
        yield poses if poses.videos else replace(poses, video=np.full(len(poses), file.stem))
    for video in videos:
        for poses in read_folder(video):
            yield replace(poses, video=np.full(len(poses), video.name))


def _embedded(poses: Poses, encoder: PoseEncoder, show_progress_bar: bool) -> Poses:
    """Poses with vectors of the encoder's space: theirs, if they say so."""
    if poses.z_pose is not None and poses.made_by is not None and poses.made_by.space == encoder.space:
        return poses
    return poses.embed(encoder, show_progress_bar=show_progress_bar)
