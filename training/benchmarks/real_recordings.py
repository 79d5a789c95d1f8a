"""Real people, real cameras, real detectors: the same pose, and the same moment, found from another camera.

`python -m training.benchmarks.real_recordings --recordings FILE... --weights NAME_OR_FOLDER --out results.json`

Recordings are those of `training.datasets.multiview`; how they are searched, `training.evaluation.multiview` says.
Compared are the pose vectors of each checkpoint, of single frames and, where it has a clip encoder, with context (both
of the queries and of the gallery); the normalised 2D keypoints themselves; and the distances between all pairs of
joints, by cosine. A recording counts as the mean of its pairs of cameras, and all recordings alike.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
from tqdm import tqdm

from poseembed import PoseEncoder
from training.evaluation.clips import EmbedClip, frame_by_frame, with_context
from training.evaluation.command import CommandParser, multiview_recordings
from training.evaluation.multiview import MultiviewResult, measure
from training.evaluation.report import Table, texts, write_json
from training.evaluation.representations import joint_distances, pose_vectors, raw_keypoints

WINDOW = 0.4
"""Seconds before and after a frame that are compared too, besides the frame alone."""


def tables(results: Sequence[MultiviewResult]) -> Iterator[Table]:
    """A table a window: of each recording the mean over its pairs of cameras, and the mean of those; per cent."""
    labels = list(dict.fromkeys(result.representation for result in results))
    names = list(dict.fromkeys(result.recording for result in results))
    for window in dict.fromkeys(result.window for result in results):
        means = np.array(
            [
                [
                    np.mean(
                        [
                            [100 * result.pose, 100 * result.moment]
                            for result in results
                            if (result.recording, result.representation, result.window) == (name, label, window)
                        ],
                        axis=0,
                    )
                    for label in labels
                ]
                for name in names
            ]
        )
        rows = [
            [name, *(f"{pose:.1f} / {moment:.1f}" for pose, moment in row)]
            for name, row in zip([*names, "mean"], [*means, means.mean(0)], strict=True)
        ]
        title = f"{window:g} s around both frames" if window else "one frame"
        yield Table(["", *labels], rows, f"{title}: pose / moment found, per cent")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.real_recordings`."""
    parser = CommandParser("training.benchmarks.real_recordings", __doc__)
    parser.add_recordings(required=True)
    parser.add_several_weights()
    parser.add_argument("--window", type=float, default=WINDOW, help="seconds around a frame (default: %(default)s)")
    parser.add_out()
    options = parser.parse(arguments)
    if not options.window > 0:
        parser.error("--window must be above 0; single frames are always measured")
    representations: dict[str, EmbedClip] = {
        "raw 2D keypoints": frame_by_frame(raw_keypoints),
        "joint-pair distances": frame_by_frame(joint_distances),
    }
    with parser.refusing():
        recordings = multiview_recordings(options.recordings)
        for weights in options.weights:
            encoder = PoseEncoder.from_pretrained(weights)
            representations[f"z_pose {weights}"] = frame_by_frame(pose_vectors(encoder))
            if encoder.clip is not None:
                representations[f"z_pose {weights}, with context"] = with_context(encoder)
    results = []
    for name, recording in tqdm(recordings.items(), unit="recording"):
        results += measure(name, recording, representations, (0.0, options.window))
    write_json(options.out, [asdict(result) for result in results])
    print(texts(tables(results)))


if __name__ == "__main__":
    main()
