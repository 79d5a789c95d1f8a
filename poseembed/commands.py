"""What the commands of `poseembed` do; `poseembed.cli` says which options each has."""

from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from poseembed._version import __version__
from poseembed.actions import ActionRecognizer
from poseembed.adapters import read_alphapose, read_coco, read_openpose, read_poem
from poseembed.align import SAME_PERFORMANCE, align
from poseembed.checkpoint import DEFAULT_CHECKPOINT, list_pretrained
from poseembed.encoder import PoseEncoder
from poseembed.files.poses import POSE_SUFFIXES, read_poses, write_poses
from poseembed.files.tables import COLUMN_SUFFIXES, Columns, write_columns
from poseembed.poses import Poses
from poseembed.search import search
from poseembed.skeleton import JOINTS, SKELETONS
from poseembed.video import embed_video, embed_video_to

READERS: dict[str, Callable[[Path], Poses]] = {
    "openpose": read_openpose,
    "coco": read_coco,
    "alphapose": read_alphapose,
    "poem": read_poem,
}
"""Files of other programs, by what `--format` calls them."""


def embed(options: Namespace) -> None:
    """Keypoints in, poses with vectors out."""
    _check_output(options.output, POSE_SUFFIXES)
    encoder = _encoder(options)
    if options.format is None:
        poses = read_poses(options.input, skeleton=options.skeleton)
    else:
        poses = READERS[options.format](options.input)
    poses = poses.embed(encoder, min_confidence=options.min_confidence, show_progress_bar=True)
    write_poses(poses, options.output)


def video(options: Namespace) -> None:
    """A video in, poses with vectors out."""
    settings = {
        "model": options.model,
        "num_poses": options.people,
        "every": options.every,
        "show_progress_bar": True,
    }
    if not options.output.suffix:
        embed_video_to(options.input, options.output, _encoder(options), **settings)
        return
    _check_output(options.output, POSE_SUFFIXES)
    write_poses(embed_video(options.input, _encoder(options), **settings), options.output)


def find(options: Namespace) -> None:
    """The `search` command: poses of the gallery that are like those of the query."""
    if options.out is not None:
        _check_output(options.out, COLUMN_SUFFIXES)
    encoder = _encoder(options)
    query = _load(options.query, encoder, options)
    if options.frame is not None:
        query = query.select(query.frame == options.frame)
    query = query.select(np.isfinite(_vectors(query)).all(-1))
    if not len(query):
        where = "" if options.frame is None else f" in frame {options.frame}"
        raise ValueError(f"{options.query} shows nobody{where}, so there is nothing to search for")
    galleries = [_load(path, encoder, options) for path in options.gallery]
    file = np.repeat([str(path) for path in options.gallery], [len(poses) for poses in galleries])
    frame, time, person = (
        np.concatenate([getattr(poses, name) for poses in galleries]) for name in ("frame", "time", "person")
    )
    similarity, rows = search(
        _vectors(query), np.concatenate([_vectors(poses) for poses in galleries]), top_k=options.top
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
        columns["match_probability"] = encoder.match_probability(similarity[found], prior=1 / max(2, len(frame)))
    _give(columns, options.out)


def compare(options: Namespace) -> None:
    """How alike two performances are, when, and in which joints."""
    if options.out is not None:
        _check_output(options.out, COLUMN_SUFFIXES)
    encoder = _encoder(options)
    first, second = (_load(path, encoder, options) for path in (options.first, options.second))
    alignment = align(first, second, encoder, open_ends=options.open_ends)
    if options.plot is not None:
        from poseembed.plot import plot_alignment

        plot_alignment(alignment, names=(options.first.name, options.second.name)).savefig(options.plot, dpi=150)
    if options.out is not None:
        rows, others = alignment.rows.T
        columns: Columns = {
            "first_frame": alignment.first.frame[rows],
            "second_frame": alignment.second.frame[others],
            "first_time": alignment.first.time[rows],
            "second_time": alignment.second.time[others],
            "similarity": alignment.similarity,
            "speed": alignment.speed,
        }
        if alignment.joint_differences is not None:
            columns |= {
                f"{joint}_difference": values
                for joint, values in zip(JOINTS, alignment.joint_differences.T, strict=True)
            }
        write_columns(columns, options.out)
    same = "the same performance" if alignment.score >= SAME_PERFORMANCE else "not the same performance"
    print(f"score {alignment.score:.3f} ({same}: the line is at {SAME_PERFORMANCE:g})")
    print(f"speed of the second {np.median(alignment.speed):.2f} times slower in the median")
    if alignment.joint_differences is not None:
        mean = np.ma.masked_invalid(alignment.joint_differences).mean(0).filled(np.nan)
        worst = [joint for joint in np.argsort(-mean)[:3] if np.isfinite(mean[joint])]
        print("joints that differ most: " + ", ".join(f"{JOINTS[joint]} {mean[joint]:.2f} torsos" for joint in worst))


def classify(options: Namespace) -> None:
    """Which action each clip shows."""
    if options.out is not None:
        _check_output(options.out, COLUMN_SUFFIXES)
    encoder = _encoder(options)
    if options.model is not None:
        recognizer = ActionRecognizer.load(options.model)
    else:
        examples = sorted(path for path in options.examples.glob("*/*") if path.is_file())
        if not examples:
            raise ValueError(f"{options.examples} holds no examples; wanted a folder for each action with clips in it")
        clips = [_load(path, encoder, options) for path in examples]
        recognizer = ActionRecognizer(encoder=options.weights, show_progress_bar=True)
        recognizer.fit(clips, [path.parent.name for path in examples])
    if options.save is not None:
        recognizer.save(options.save)
    probabilities = recognizer.predict_proba([_load(path, encoder, options) for path in options.clip])
    columns: Columns = {
        "file": np.array([str(path) for path in options.clip], dtype=np.str_),
        "action": recognizer.classes_[probabilities.argmax(-1)] if len(probabilities) else np.array([], dtype=np.str_),
    }
    columns |= {f"p_{name}": values for name, values in zip(recognizer.classes_, probabilities.T, strict=True)}
    _give(columns, options.out)


def info(options: Namespace) -> None:
    """What is installed, or what a checkpoint says of itself."""
    if options.checkpoint is None:
        print(f"poseembed {__version__}")
        print(f"packaged checkpoints: {', '.join(list_pretrained())} (default: {DEFAULT_CHECKPOINT})")
        print(f"skeletons: {', '.join(SKELETONS)}")
        return
    encoder = PoseEncoder.from_pretrained(options.checkpoint)
    config, network = encoder.config, encoder.config.network
    print(f"z_pose {encoder.pose_dim}, z_view {encoder.view_dim} numbers")
    parameters = sum(value.numel() for value in encoder.network.parameters())
    print(f"network: {network.blocks} blocks, {network.width} wide, {parameters / 1e6:.2f} million parameters")
    print(f"knows missing joints: {'yes' if network.mask_input else 'no'}")
    print(f"match probability: {'yes' if config.calibration else 'no'}; decoder: {'yes' if encoder.decoder else 'no'}")
    print(f"licence: {config.license}")
    for key, value in config.training.items():
        print(f"training, {key}: {value}")


# What they share


def _encoder(options: Namespace) -> PoseEncoder:
    return PoseEncoder.from_pretrained(options.weights, device=options.device)


def _load(path: Path, encoder: PoseEncoder, options: Namespace) -> Poses:
    """Poses with vectors, of a file of poses or of a video."""
    if path.suffix.lower() not in POSE_SUFFIXES:
        return embed_video(path, encoder, model=options.landmarker, show_progress_bar=True)
    # Vectors that are there already may be another checkpoint's; no file says whose.
    return read_poses(path, skeleton=options.skeleton).embed(encoder)


def _vectors(poses: Poses) -> np.ndarray:
    assert poses.z_pose is not None  # as `_load` gives them
    return poses.z_pose


def _check_output(path: Path, suffixes: Sequence[str]) -> None:
    """Refuse what could not be written in the end, before any work is done."""
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"cannot write {path}: its suffix must be one of {', '.join(suffixes)}")
    if not path.expanduser().parent.is_dir():
        raise ValueError(f"cannot write {path}: there is no folder {path.parent}")


def _give(columns: Columns, out: Path | None) -> None:
    """Write a table to a file, or lay it out on the screen."""
    if out is not None:
        write_columns(columns, out)
        return
    texts = [
        [name, *(f"{v:.3f}" if isinstance(v, float) else str(v) for v in c.tolist())] for name, c in columns.items()
    ]
    for line in zip(*(_aligned(column) for column in texts), strict=True):
        print("  ".join(line).rstrip())


def _aligned(column: list[str]) -> list[str]:
    width = max(map(len, column))
    return [text.ljust(width) for text in column]
