"""In which joints two performances differ: how often a joint is marked that does not, and which are that do.

`python -m training.benchmarks.joint_differences --data FILE... --recordings FILE... --weights NAME --out results.json`

Performances are those of `val`, if a file has it, and those of real recordings (`training.datasets.multiview`), once
for each pair of cameras; exercises are those that a file has done well and done badly too.
What is measured is said in `training.evaluation.joints`.
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from tqdm import tqdm

from poseembed import PoseEncoder
from poseembed.skeleton import JOINTS
from training.datasets.mocap import MotionCapture
from training.evaluation.alignment import BADLY, DETECTORS, performances
from training.evaluation.command import CommandParser, multiview_recordings, recordings
from training.evaluation.joints import (
    FAR,
    NEAR,
    REFERENCES,
    Repetition,
    deviations_in_recording,
    deviations_of_one,
    repetitions,
)
from training.evaluation.report import Table, texts, write_json


def exercises(data: MotionCapture) -> list[str]:
    """What is done well, and badly too."""
    actions = np.unique(data.action).tolist()
    return [action for action in actions if action + BADLY in actions]


def summary(results: Sequence[Repetition]) -> Table:
    """How often anything is marked, and whether it is what differs, a row an exercise and kind of pair."""
    rows = []
    for exercise in dict.fromkeys(result.exercise for result in results):
        for reference in REFERENCES:
            for badly in (False, True):
                group = [r for r in results if (r.exercise, r.reference, r.badly) == (exercise, reference, badly)]
                marked, off = np.stack([r.marked for r in group]), np.stack([r.off for r in group])
                rows.append(
                    [
                        f"{exercise}, {'badly' if badly else 'well'}, beside {reference}",
                        f"{100 * marked.any(1).mean():.0f} %",
                        _share(off[marked] >= NEAR),
                        _share(marked[off >= FAR]),
                    ]
                )
    return Table(["", "any marked", f"marked: {NEAR:g} off", f"{FAR:g} off: marked"], rows)


def by_joint(results: Sequence[Repetition]) -> Table:
    """How often each joint is marked in what is done badly, and how far off it truly is; beside the same person."""
    rows = []
    for exercise in dict.fromkeys(result.exercise for result in results):
        group = [r for r in results if (r.exercise, r.reference, r.badly) == (exercise, REFERENCES[0], True)]
        marked, off = np.mean([r.marked for r in group], axis=0), np.mean([r.off for r in group], axis=0)
        rows.append([exercise, *(f"{100 * share:.0f} %, {far:.2f}" for share, far in zip(marked, off, strict=True))])
    title = "done badly beside the same person: how often each joint is marked, and how far off it truly is"
    return Table(["", *(joint.replace("_", " ") for joint in JOINTS)], rows, title)


def _share(true: np.ndarray) -> str:
    return f"{100 * true.mean():.0f} %" if true.size else "-"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.joint_differences`."""
    parser = CommandParser("training.benchmarks.joint_differences", __doc__)
    parser.add_data()
    parser.add_recordings()
    parser.add_weights()
    parser.add_count("--pairs", 100, "of performances a file and kind of keypoints, and of repetitions of each kind")
    parser.add_seed("of pairs, cameras and detector")
    parser.add_out()
    options = parser.parse(arguments)
    with parser.refusing():
        data = recordings(options.data)
        real = multiview_recordings(options.recordings)
        encoder = PoseEncoder.from_pretrained(options.weights)
    if encoder.decoder is None:
        parser.error("this checkpoint has no decoder; python -m training.decoder fits one")
    line, same = encoder.decoder.config.line, []
    done: list[Repetition] = []
    for name, recording in data.items():
        clips = performances(recording)
        for label, detector in DETECTORS.items():
            largest = tqdm(
                deviations_of_one(clips, encoder, {label: detector}, pairs=options.pairs, seed=options.seed),
                total=options.pairs,
                unit="pair",
            )
            same.append({"data": name, "detector": label, "largest": list(largest)})
        kept = recording.clips(*recording.evaluation_splits())
        done += repetitions(kept, exercises(recording), encoder, pairs=options.pairs, seed=options.seed)
    for name, filmed in tqdm(real.items(), unit="recording"):
        largest_there = list(deviations_in_recording(filmed, encoder))
        same.append({"data": name, "detector": filmed.detector, "largest": largest_there})
    results = [{**asdict(r), "marked": r.marked.tolist(), "off": r.off.tolist()} for r in done]
    write_json(options.out, {"line": line, "one performance": same, "exercises": results})
    rows = [
        [
            f"{group['data']}, {group['detector']}",
            f"{100 * np.mean(np.array(group['largest']) <= line):.0f} %",
            str(len(group["largest"])),
        ]
        for group in same
    ]
    print(Table(["one performance, keypoints", "no joint marked", "of"], rows).text())
    if done:
        print("\n" + texts([summary(done), by_joint(done)]))


if __name__ == "__main__":
    main()
