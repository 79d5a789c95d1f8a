"""How fast the library is, and what share that is of what the machine can do.

Milliseconds are of processor time, the least of several calls, so other programs count little; with one thread
(`OMP_NUM_THREADS=1`) they are those of a clock on a quiet machine. The limits are measured beside: the rate of the
product of two large matrices in float32 and bfloat16, and for a search one product of queries and gallery in float32.

- encoder: poses a second through `PoseEncoder.embed`, checks and normalisation included, in float32, in bfloat16,
  compiled by torch and, where it is installed and this torch can export, with ONNX Runtime, in eight bits too; and
  frames a second through `embed_clip`.
- quality: what other representations of the same keypoints cost beside, and how many frames of real recordings find
  their pose first in another camera by each (`training.evaluation.multiview`, `training.evaluation.rivals`).
- search: a query among real vectors, asked alone and in batches, by `poseembed.search` and a flat `PoseIndex`.
- alignment: two tracks, the second being seen by another camera and either the same performance, at other speeds and
  with pauses, or another; how far the sum of a path in pieces is above the least, on tracks short enough for both.
- counting: repetitions of a whole track, and of one that comes frame by frame.
- tracking: three people; recognition: clips of two seconds, of fifty classes that nothing tells apart.
"""

import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from poseembed import PoseEncoder
from poseembed.actions import ActionRecognizer, NearestSequence, TemporalConvNet
from poseembed.index import PoseIndex
from poseembed.repetitions import RepetitionCounter, count_repetitions
from poseembed.search import search
from poseembed.video.tracking import Tracker
from poseembed.warping import warping_path
from training.datasets.multiview import MultiviewRecording
from training.evaluation.clips import frame_by_frame
from training.evaluation.exports import can_export
from training.evaluation.multiview import measure
from training.evaluation.representations import Embed, joint_distances, pose_vectors, raw_keypoints

BATCHES = (1, 16, 256, 4096, 65_536)
"""Poses that are embedded at once."""

COMPARED = 4096
"""Poses that other representations are made of at once, and frames of a clip."""

SQUARE = 2048
"""Rows and columns of the matrices whose product is the limit."""

QUERIES = (1, 64)
"""Queries that are asked at once."""

CLIP = 60
"""Frames of a clip to recognise."""

CLASSES = 50

METHODS = (NearestSequence(), TemporalConvNet())
"""Ways to recognise."""

Vectors = Float[np.ndarray, "_frames dim"]


@dataclass(frozen=True)
class Speed:
    """One measurement.

    Attributes:
        part: Of the library.
        what: Was measured.
        value: How much of the unit.
        unit: In words.
        share: Of the limit, 0 to 1, where there is one.
        found: Share of the queries that find what they ask for, 0 to 1, where that is measured.
    """

    part: str
    what: str
    value: float
    unit: str
    share: float | None = None
    found: float | None = None


def seconds(work: Callable[[], object], calls: int = 5) -> float:
    """Processor time of a call: the least of some, after one to warm up."""
    work()
    return min(_once(work) for _ in range(calls))


def _once(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def matrix_rates() -> dict[str, float]:
    """Floating-point operations a second of the product of two large matrices, by precision."""
    square = torch.randn(SQUARE, SQUARE)
    squares = {"float32": square, "bfloat16": square.bfloat16()}
    return {name: 2 * SQUARE**3 / seconds(lambda m=matrix: m @ m) for name, matrix in squares.items()}  # type: ignore[misc]


def flops_of(encoder: PoseEncoder) -> int:
    """Floating-point operations of the matrix products that a pose takes."""
    return 2 * sum(layer.weight.numel() for layer in encoder.network.modules() if isinstance(layer, nn.Linear))


def encoders(names: Sequence[str], rates: dict[str, float], int8: Mapping[str, Path]) -> Iterator[Speed]:
    """Poses a second of each checkpoint, by precision and batch; and compiled, in one batch, which takes half a minute.

    Args:
        names: Of the checkpoints.
        rates: As `matrix_rates` gives them.
        int8: Exported checkpoints in eight bits, by name, where there are any.
    """
    for precision, rate in rates.items():
        yield Speed("limit", f"product of matrices, {precision}", rate / 1e9, "Gflop/s")
    poses = np.random.default_rng(0).normal(300, 100, (max(BATCHES), 13, 2)).astype(np.float32)
    for name in names:
        kinds = {kind: (PoseEncoder.from_pretrained(name, precision=kind), rate) for kind, rate in rates.items()}
        if can_export():
            kinds["ONNX Runtime"] = (PoseEncoder.from_pretrained(name, backend="onnx"), rates["float32"])
        if name in int8:
            kinds["ONNX Runtime, int8"] = (_in_int8(name, int8), rates["float32"])
        for kind, (encoder, rate) in kinds.items():
            flops = flops_of(encoder)
            for count in BATCHES:
                took = seconds(lambda e=encoder, n=count: e.embed(poses[:n]), calls=50 if count < 256 else 3)  # type: ignore[misc]
                what = f"{name}, {kind}, {count:,} at once"
                yield Speed("encoder", what, count / took, "poses/s", flops * count / took / rate)
            if encoder.clip is not None and kind in rates:
                clip = poses[:COMPARED]
                took = seconds(lambda e=encoder, c=clip: e.embed_clip(c, fps=30.0), calls=2)  # type: ignore[misc]
                yield Speed("encoder", f"{name}, {kind}, with context", len(clip) / took, "frames/s")
        encoder, rate = kinds["float32"]
        encoder.compile(dynamic=True)
        took = seconds(lambda e=encoder: e.embed(poses[:COMPARED]), calls=3)  # type: ignore[misc]
        share = flops_of(encoder) * COMPARED / took / rate
        yield Speed("encoder", f"{name}, torch.compile, {COMPARED:,} at once", COMPARED / took, "poses/s", share)


def _in_int8(name: str, int8: Mapping[str, Path]) -> PoseEncoder:
    return PoseEncoder.from_pretrained(name, backend="onnx", file_name=str(int8[name]))


def representations(
    names: Sequence[str], recordings: Mapping[str, MultiviewRecording], int8: Mapping[str, Path]
) -> Iterator[Speed]:
    """Poses a second that become vectors of each kind, and what a search by them finds."""
    ways: dict[str, Embed] = {"raw 2D keypoints": raw_keypoints, "joint-pair distances": joint_distances}
    for name in names:
        for precision in ("float32", "bfloat16"):
            ways[f"{name}, {precision}"] = pose_vectors(PoseEncoder.from_pretrained(name, precision=precision))
        if name in int8:
            ways[f"{name}, ONNX Runtime, int8"] = pose_vectors(_in_int8(name, int8))
    points = pictures(recordings)
    visible = ~points.isnan().any(-1)
    embeds = {name: frame_by_frame(way) for name, way in ways.items()}
    results = [result for name, recording in recordings.items() for result in measure(name, recording, embeds, [0.0])]
    for name, way in ways.items():
        took = seconds(lambda w=way: w(points, visible), calls=3)  # type: ignore[misc]
        found = float(np.mean([result.pose for result in results if result.representation == name]))
        yield Speed("quality", f"{name}, {COMPARED:,} at once", COMPARED / took, "poses/s", found=found)


def pictures(recordings: Mapping[str, MultiviewRecording]) -> Float[Tensor, "poses 13 2"]:
    """`COMPARED` poses that cameras saw."""
    seen = np.concatenate([recording.keypoints.reshape(-1, 13, 2) for recording in recordings.values()])
    return torch.from_numpy(np.resize(seen, (COMPARED, 13, 2)).astype(np.float32))


def searches(gallery: Vectors, queries: Vectors) -> Iterator[Speed]:
    """Milliseconds a query; the share is of the one product of queries and gallery."""
    index = PoseIndex.build(gallery, kind="Flat")
    for count in QUERIES:
        asked = queries[:count]
        limit = seconds(lambda a=asked: a @ gallery.T, calls=3)  # type: ignore[misc]
        ways: dict[str, Callable[[], object]] = {
            "search()": lambda a=asked: search(a, gallery),  # type: ignore[misc]
            "PoseIndex, Flat": lambda a=asked: index.query(a),  # type: ignore[misc]
        }
        for name, way in ways.items():
            took = seconds(way, calls=3)
            what = f"{name}, {len(gallery):,} vectors, {count} at once"
            yield Speed("search", what, 1e3 * took / len(asked), "ms/query", limit / took)


def alignments(one: Vectors, other: Vectors, *, exact: int) -> Iterator[Speed]:
    """A long alignment, and what doing it in pieces costs in the sum where both can be done."""
    first, second = _unit(one), _unit(other)
    changed = retime(len(second), seed=0)
    took = _once(lambda: warping_path(first, second[changed[: len(first)]]))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Speed("alignment", f"{len(first):,} with as many frames", took, "s")
    yield Speed("alignment", "most memory of the process by then", memory, "MB")
    parts = {"the same performance": second[:exact], "two performances": second[exact : 2 * exact]}
    for kind, part in parts.items():
        pair = first[:exact], part[retime(len(part), seed=1)]
        sums = []
        for cells in (exact**2 // 64, 4 * exact**2):
            rows, others = warping_path(*pair, cells=cells).T
            sums.append(float(np.square(pair[0][rows] - pair[1][others]).sum()))
        excess = 100 * (sums[0] / sums[1] - 1)
        yield Speed("alignment", f"{kind}, {exact:,} frames: sum above the least", excess, "%")


def retime(frames: int, *, seed: int) -> Int64[np.ndarray, " changed"]:
    """Rows of a track that is played at 0.6 to 1.6 times its speed in turn, with pauses."""
    rng = np.random.default_rng(seed)
    steps = np.concatenate(
        [
            np.full(length, 0.0 if rng.random() < 0.1 else rng.uniform(0.6, 1.6))
            for length in rng.integers(20, 120, frames)
        ]
    )
    rows: np.ndarray = steps.cumsum().astype(np.int64)
    return rows[rows < frames]


def counting(track: Vectors) -> Iterator[Speed]:
    """Repetitions of a whole track, and while it comes."""
    what = f"{len(track):,} frames"
    yield Speed("counting", f"{what}, the whole", 1e3 * seconds(lambda: count_repetitions(track), 3), "ms")
    counter = RepetitionCounter()
    fed = _once(lambda: _feed(counter, track))
    yield Speed("counting", f"{what}, one by one: each", 1e3 * fed / len(track), "ms")
    yield Speed("counting", f"{what}, one by one: to ask then", 1e3 * seconds(counter.repetitions, 3), "ms")


def _feed(counter: RepetitionCounter, track: Vectors) -> None:
    for row in track:
        counter.update(row)


def tracking(frames: int) -> Iterator[Speed]:
    """Three people who stand beside each other, in the first and the last tenth of the frames."""
    rng = np.random.default_rng(0)
    people = rng.uniform(0, 100, (3, 13, 2)) + 200 * np.arange(3)[:, None, None]
    tracker, confidence = Tracker(), np.ones((3, 13))
    took = []
    for frame in range(frames):
        seen = (people + rng.normal(0, 2, people.shape))[rng.permutation(3)]
        took.append(_once(lambda s=seen, f=frame: tracker.update(s, confidence, time=f / 30)))  # type: ignore[misc]
    tenth = max(1, frames // 10)
    for name, part in (("first", took[:tenth]), ("last", took[-tenth:])):
        yield Speed(
            "tracking", f"3 people, the {name} tenth of {frames:,} frames", 1e3 * float(np.mean(part)), "ms/frame"
        )


def recognition(track: Vectors, clips: int) -> Iterator[Speed]:
    """Learning from clips, and naming some."""
    rng = np.random.default_rng(0)
    examples = [track[start : start + CLIP] for start in rng.integers(0, len(track) - CLIP, clips)]
    labels = np.arange(clips) % CLASSES
    for method in METHODS:
        recognizer = ActionRecognizer(method)
        what = f"{type(method).__name__}, {clips:,} clips"
        yield Speed("recognition", f"{what}: to learn", _once(lambda r=recognizer: r.fit(examples, labels)), "s")  # type: ignore[misc]
        asked = examples[:10]
        took = _once(lambda r=recognizer, a=asked: r.predict(a))  # type: ignore[misc]
        yield Speed("recognition", f"{what}: to name one", 1e3 * took / len(asked), "ms")


def _unit(vectors: Vectors) -> Float[np.ndarray, "frames dim"]:
    wide = vectors.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)
