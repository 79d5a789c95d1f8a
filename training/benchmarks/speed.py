"""How fast the library is on this machine, and what share that is of what the machine can do.

`OMP_NUM_THREADS=1 python -m training.benchmarks.speed --data FILE... --recordings FILE... --weights NAME...
--out results.json --results SPEED.md`

The first checkpoint, in its fastest precision, makes the vectors of everything but the encoders. `--videos`, those of
the cameras of the first recording in their order, and `--landmarker` are for MediaPipe's 3D landmarks. What is measured
is said in `training.evaluation.speed`, `training.evaluation.rivals` and, where there is a GPU,
`training.evaluation.gpu_speed`.
"""

import platform
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from poseembed import PoseEncoder, Poses, list_pretrained
from poseembed.files.atomic import replacing
from poseembed.video.landmarker import find_model
from training.datasets import mocap
from training.datasets.multiview import MultiviewRecording
from training.evaluation.alignment import DETECTOR
from training.evaluation.command import CommandParser, command_line, multiview_recordings, recordings
from training.evaluation.exports import calibration_views, can_export
from training.evaluation.gpu_speed import encoders_on
from training.evaluation.report import Table, write_json
from training.evaluation.rivals import pr_vipe, procrustes, vectors, world_landmarks
from training.evaluation.search import TOP_K, take_pictures
from training.evaluation.speed import (
    CLIP,
    QUERIES,
    Speed,
    alignments,
    counting,
    encoders,
    matrix_rates,
    pictures,
    recognition,
    representations,
    searches,
    tracking,
)
from training.scene.bodies import Bodies, Variation
from training.scene.film import film, random_camera


def table(results: Sequence[Speed]) -> Table:
    """A row a measurement, and where it was made."""
    capability = torch.backends.cpu.get_cpu_capability()
    where = f"{platform.machine()}, {capability}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    rows = [
        [
            f"{r.part}: {r.what}",
            f"{r.value:,.{_digits(r.value)}f}",
            r.unit,
            *("" if share is None else f"{100 * share:.{digits}f} %" for share, digits in ((r.share, 0), (r.found, 1))),
        ]
        for r in results
    ]
    return Table([where, "", "", "of the limit", "find their pose"], rows)


def _digits(value: float) -> int:
    """Decimals that leave about three figures."""
    return 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 4


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.speed`."""
    parser = CommandParser("training.benchmarks.speed", __doc__)
    parser.add_data()
    parser.add_recordings()
    parser.add_argument("--videos", type=Path, nargs="+", default=[], metavar="FILE", help="of the first recording")
    parser.add_argument("--landmarker", type=Path, metavar="FILE", help="MediaPipe's pose landmarker, .task")
    parser.add_several_weights("checkpoints (default: those that are packaged)")
    parser.add_count("--frames", 108_000, "of a long recording: an hour", least=100)
    parser.add_count("--exact", 10_000, "frames of which all alignments can be searched", least=10)
    parser.add_count("--size", 1_000_000, "vectors to search in; and a tenth of them", least=10 * TOP_K)
    parser.add_count("--clips", 10_000, "to recognise", least=100)
    parser.add_out()
    parser.add_argument("--results", type=Path, metavar="FILE", help="document to write the table to, .md")
    options = parser.parse(arguments)
    names = options.weights or list_pretrained()
    with parser.refusing():
        captures = recordings(options.data)
        seen = multiview_recordings(options.recordings)
        encoder = PoseEncoder.from_pretrained(names[0], precision="auto")
        joints = np.concatenate([capture.joints[capture.ok] for capture in captures.values()])
        if len(joints) < 2 * options.exact or len(joints) <= CLIP:
            raise ValueError(f"got {len(joints)} frames; wanted more than {CLIP}, and twice --exact")
        if options.videos and not seen:
            raise ValueError("--videos are of the first of --recordings, and there is none")
        model = find_model(options.landmarker) if options.videos else None
        landmarks = [world_landmarks(video, model) for video in options.videos if model is not None]
        rivals = list(procrustes(next(iter(seen.values())), landmarks)) if landmarks else []
        views = calibration_views(Bodies(*mocap.read_poses(options.data, "train"), Variation()), seed=0)
    sizes = options.frames, options.exact, options.size, options.clips
    with tempfile.TemporaryDirectory(prefix="poseembed-") as folder:
        int8 = _exported(names, views, Path(folder)) if can_export() else {}
        results = list(tqdm(chain(rivals, _measure(encoder, names, joints, seen, int8, *sizes))))
    write_json(options.out, [asdict(result) for result in results])
    print(table(results).text())
    if options.results is not None:
        asked = parser.changed(options, "--frames", "--exact", "--size", "--clips")
        given = {
            "--data": options.data,
            "--recordings": options.recordings,
            "--videos": options.videos,
            "--landmarker": [] if model is None else [model],
            "--weights": options.weights,
            **asked,
            "--out": ["speed.json"],
        }
        command = command_line("training.benchmarks.speed", given)
        text = f"# Speed\n\n```bash\nOMP_NUM_THREADS=1 {command}\n```\n\n{table(results).markdown()}\n"
        with replacing(options.results) as file:
            file.write(text.encode())


def _exported(names: Sequence[str], views: Poses, folder: Path) -> dict[str, Path]:
    """Checkpoints in eight bits."""
    files = {name: folder / f"{number}.onnx" for number, name in enumerate(names)}
    for name, file in files.items():
        PoseEncoder.from_pretrained(name).export_onnx(file, precision="int8", calibration=views)
    return files


def _measure(
    encoder: PoseEncoder,
    names: Sequence[str],
    joints: np.ndarray,
    seen: Mapping[str, MultiviewRecording],
    int8: Mapping[str, Path],
    frames: int,
    exact: int,
    size: int,
    clips: int,
) -> Iterator[Speed]:
    yield from encoders(names, matrix_rates(), int8)
    if torch.cuda.is_available():
        yield from encoders_on(torch.device("cuda"), names)
    if seen:
        yield from representations(names, seen, int8)
        points = pictures(seen)
        yield from pr_vipe(points)
        yield from vectors(names[0], encoder.embed(points.numpy()).z_pose)
    motion = torch.from_numpy(np.resize(joints, (max(frames, 2 * exact), *joints.shape[1:])))
    tracks = []
    for seed in (1, 2):
        filmed = film(motion, random_camera(seed), fps=30.0, detector=DETECTOR, seed=seed)
        tracks.append(encoder.embed(filmed.keypoints, filmed.confidence).z_pose)
    yield from alignments(*tracks, exact=exact)
    yield from counting(tracks[0][:frames])
    yield from tracking(frames)
    yield from recognition(tracks[0], clips)
    generator = torch.Generator().manual_seed(0)
    shown = take_pictures(encoder, np.resize(joints, (size + max(QUERIES), 13, 3)), generator=generator).z_pose
    for rows in (size // 10, size):
        yield from searches(shown[:rows], shown[size:])


if __name__ == "__main__":
    main()
