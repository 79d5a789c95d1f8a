"""Disentanglement: what can be read from the pose vector and from the view vector, by probes.

`python -m training.benchmarks.disentanglement --data FILE... --weights NAME_OR_FOLDER... --run RUN --out results.json`

Measured are checkpoints and all finished systems of a comparison (`training.compare`), which also go into `RESULTS.md`.
What is read of what is in `training.evaluation.disentanglement`.

Probes (`training.evaluation.probes`) are linear, for what lies open, and MLPs, for what is folded up. More training
reads a little more out, so an error is a bound on what a vector holds, to compare with those beside it. Probes are
fitted on views of poses of the files' `train` splits, all together, and tested on views of what each file holds out:
its `val` split or, in a file without splits, everything. No clip is on both sides, and in `mocap_cmu.npz` no subject.
The encoder may have been trained on the poses that probes are fitted on, but on none that they are tested on; so what
they read is what serves for new people. Each condition has probes of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial

from tqdm import tqdm

from poseembed import PoseEncoder
from training.evaluation.command import CommandParser, command_line
from training.evaluation.conditions import EXACT
from training.evaluation.disentanglement import (
    CHANCE,
    CONDITIONS,
    FIT,
    PROBES,
    TEST,
    ProbeResult,
    run,
    split_poses,
)
from training.evaluation.probes import MlpSettings, mlp
from training.evaluation.report import Table, spread, texts, write_json
from training.evaluation.results_document import write_section
from training.evaluation.systems import load_trained


def tables(results: Sequence[ProbeResult]) -> Iterator[Table]:
    """A table a file and condition: means over seeds and, if there are several, standard deviations."""
    heads = [name.replace("_", " ") for name in results[0].measures]
    for data, condition in dict.fromkeys((result.data, result.condition) for result in results):
        groups: dict[tuple[str, str], list[dict[str, float]]] = {}
        for result in results:
            if (result.data, result.condition) == (data, condition):
                groups.setdefault((result.representation, result.probe), []).append(result.measures)
        rows = []
        for (representation, probe), seeds in groups.items():
            cells = [spread([one[name] for one in seeds], 3 if "pose" in name else 1) for name in seeds[0]]
            rows.append([f"{representation}  {probe}", *cells])
        yield Table(["", *heads], rows, f"{data}, {condition}; degrees, torso lengths, share")


def section(results: Sequence[ProbeResult], made_by: str) -> str:
    """What `RESULTS.md` says: for complete pictures, who can be read from what, in a row a system."""
    complete = [result for result in results if result.condition == EXACT]
    parts = [
        f"```bash\n{made_by}\n```",
        "What probes read (linear / MLP), on views of poses that they were not fitted on. Camera: median error of the "
        "direction to it, degrees. Pose: share of the variance of the 13 joints in 3D, in the frame of the body. A "
        "pose vector that is the same from every camera leaves the camera at chance; a view vector without the pose, "
        "the pose at 0. The paper shows this by pictures alone (Figure 4).",
    ]
    head = ["", "camera from z_pose", "pose from z_view", "pose from z_pose", "camera from z_view"]
    for data in dict.fromkeys(result.data for result in complete):
        found: dict[str, dict[str, dict[str, float]]] = {}
        for result in complete:
            if result.data == data and result.seed == 0:
                found.setdefault(result.representation, {})[result.probe] = result.measures
        chance = f"{found.pop(CHANCE)['constant']['camera_median']:.0f}"
        rows = [["chance", chance, "0%", "0%", chance]]
        for name in dict.fromkeys(name.removeprefix("z_pose ").removeprefix("z_view ") for name in found):
            pose, view = found.get(f"z_pose {name}", found.get(name, {})), found.get(f"z_view {name}", {})
            rows.append(
                [
                    name,
                    _pair(pose, "camera_median", "{:.0f}"),
                    _pair(view, "pose_explained", "{:.0%}"),
                    _pair(pose, "pose_explained", "{:.0%}"),
                    _pair(view, "camera_median", "{:.0f}"),
                ]
            )
        parts += [f"### {data}", Table(head, rows).markdown()]
    return "\n\n".join(parts)


def _pair(probes: dict[str, dict[str, float]], measure: str, form: str) -> str:
    """What the linear probe and the MLP found, or a dash where there is no such vector."""
    return " / ".join(form.format(probes[probe][measure]) for probe in PROBES) if probes else "-"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.disentanglement`."""
    parser = CommandParser("training.benchmarks.disentanglement", __doc__)
    parser.add_data()
    parser.add_several_weights()
    parser.add_argument(
        "--complete", action="store_true", help="complete and exact pictures alone, which is what RESULTS.md shows"
    )
    parser.add_run()
    parser.add_results("document for --run (RESULTS.md)")
    parser.add_count("--seeds", 1, "draws of views and of probes")
    parser.add_count("--fit-views", FIT, "views that probes are fitted on")
    parser.add_count("--test-views", TEST, "views of each file that they are tested on")
    parser.add_count("--steps", MlpSettings.steps, "steps of the MLP's training")
    parser.add_out()
    options = parser.parse(arguments)
    with parser.refusing():
        fitted_on, data = split_poses(options.data)
        trained = load_trained(options.run).values() if options.run else ()
        encoders = {system.system.label: system.encoder for system in trained}
        encoders |= {weights: PoseEncoder.from_pretrained(weights) for weights in options.weights}
    vectors = 1 + sum(2 if encoder.view_dim else 1 for encoder in encoders.values())
    conditions = CONDITIONS[: 1 if options.complete else None]
    total = options.seeds * len(conditions) * len(data) * (1 + len(PROBES) * vectors)
    measured = run(
        fitted_on,
        data,
        encoders,
        seeds=options.seeds,
        conditions=conditions,
        probes=PROBES | {"MLP": partial(mlp, settings=MlpSettings(steps=options.steps))},
        fit=options.fit_views,
        test=options.test_views,
    )
    results = list(tqdm(measured, total=total, unit="probe"))
    write_json(options.out, [asdict(result) for result in results])
    if options.run:
        given = {
            "--data": options.data,
            "--run": [options.run],
            "--weights": options.weights,
            "--seeds": [str(options.seeds), *(["--complete"] if options.complete else [])],
            "--out": [options.out],
            **parser.changed(options, "--fit-views", "--test-views", "--steps"),
        }
        made_by = command_line("training.benchmarks.disentanglement", given)
        write_section(options.results, "Disentanglement", section(results, made_by))
    print(texts(tables(results)))


if __name__ == "__main__":
    main()
