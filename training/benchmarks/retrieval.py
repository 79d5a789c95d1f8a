"""Cross-view retrieval: find the same 3D pose among what another camera saw.

`python -m training.benchmarks.retrieval --data FILE... --weights NAME_OR_FOLDER --out results.json`

Trials are those of `training.evaluation.retrieval`, of 3,000 poses of a file (of its `val` split, if it has one).

Compared are the pose vectors of each checkpoint, by cosine; and by Euclidean distance the means of a Pr-VIPE one, the
normalised 2D keypoints themselves and the distances between all pairs of joints in torso lengths (the usual hand-made
embedding).

Cameras stand within 30 degrees of level, unless `--above` and `--roll` say otherwise; `--above 60 --roll 180` is any
way up.

Pictures are complete and exact, or lack joints (other ones in each view), or also show the rest a little out of place,
by Gaussian noise with a standard deviation given as a share of the torso. The last two representations see a missing
joint at the centre of the hips.
"""

from collections.abc import Sequence
from dataclasses import asdict
from math import radians

from tqdm import tqdm

from poseembed import PoseEncoder
from training.evaluation.command import CommandParser, recordings
from training.evaluation.conditions import Condition
from training.evaluation.report import texts, write_json
from training.evaluation.representations import Embed, joint_distances, means, pose_vectors, raw_keypoints
from training.evaluation.retrieval import GALLERY, RANKS, check_enough, run, tables
from training.scene.cameras import CameraRange


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.retrieval`."""
    parser = CommandParser("training.benchmarks.retrieval", __doc__)
    parser.add_data()
    parser.add_several_weights()
    parser.add_argument(
        "--pr-vipe", action="append", default=[], metavar="FOLDER", help="checkpoint of that recipe; may be repeated"
    )
    parser.add_argument(
        "--gallery",
        metavar="NAME_OR_FOLDER",
        help="search a gallery of this checkpoint's vectors too, with those of each of --weights",
    )
    parser.add_argument(
        "--missing", type=int, nargs="+", default=[0, 4, 4], metavar="N", help="joints missing (default: 0 4 4)"
    )
    parser.add_argument(
        "--noise",
        type=float,
        nargs="+",
        default=[0.0, 0.0, 0.05],
        metavar="SHARE",
        help="noise that goes with each value of --missing, torso lengths (default: 0 0 0.05)",
    )
    parser.add_argument(
        "--above", type=float, default=30, metavar="DEGREES", help="cameras stand up to so far above (default: 30)"
    )
    parser.add_argument(
        "--roll", type=float, default=30, metavar="DEGREES", help="cameras are rolled up to so far (default: 30)"
    )
    parser.add_count("--poses", GALLERY, "in a trial", least=max(RANKS))
    parser.add_count("--trials", 3, "draws of poses and cameras")
    parser.add_out()
    options = parser.parse(arguments)
    if not all(0 <= lost <= 11 for lost in options.missing):
        parser.error("--missing must be from 0 to 11")
    if len(options.missing) != len(options.noise) or min(options.noise) < 0:
        parser.error("--noise must have one value, at least 0, for each of --missing")
    if not (-30 <= options.above <= 90 and 0 <= options.roll <= 180):
        parser.error("--above must be from -30 to 90 and --roll from 0 to 180")
    cameras = CameraRange(
        elevation=(-radians(options.above), CameraRange.elevation[1]),
        roll=(-radians(options.roll), radians(options.roll)),
    )
    representations: dict[str, tuple[Embed, Embed | None]] = {
        "raw 2D keypoints": (raw_keypoints, None),
        "joint-pair distances": (joint_distances, None),
    }
    with parser.refusing():
        data = {name: recording.held_out() for name, recording in recordings(options.data).items()}
        gallery = PoseEncoder.from_pretrained(options.gallery) if options.gallery else None
        for weights in options.weights:
            encoder = PoseEncoder.from_pretrained(weights)
            representations[f"z_pose {weights}"] = pose_vectors(encoder), None
            if gallery:
                if gallery.pose_dim != encoder.pose_dim:
                    parser.error(f"pose vectors of {weights} and of {options.gallery} differ in length")
                both = pose_vectors(encoder), pose_vectors(gallery)
                representations[f"z_pose {weights}, gallery of {options.gallery}"] = both
        for weights in options.pr_vipe:
            representations[f"Pr-VIPE {weights}"] = means(PoseEncoder.from_pretrained(weights)), None
        check_enough(data, options.poses)
    conditions = [Condition(*values) for values in zip(options.missing, options.noise, strict=True)]
    measured = run(
        data, representations, conditions=conditions, trials=options.trials, size=options.poses, cameras=cameras
    )
    total = len(data) * len(conditions) * options.trials * len(representations)
    results = list(tqdm(measured, total=total, unit="ranking"))
    write_json(options.out, [asdict(result) for result in results])
    print(texts(tables(results)))


if __name__ == "__main__":
    main()
