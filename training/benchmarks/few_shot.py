"""How many clips a class action recognition needs: `poseembed.actions` with 1, 5, 10 ... of them, and with all.

`python -m training.benchmarks.few_shot --penn-action FILE --nucla FILE --out few_shot.json`

So many clips of each action are drawn to learn from, another draw for each seed. `--test-on` says which are tested on:

- `test`: the test clips of the data set; the clips to learn from are its training clips, of all views.
- `held-out`: no test clip is read. A part of the training clips is tested on, another one for each seed: a quarter, or
  two people where people are known; the clips to learn from are the others, of all views.
- `other-views`: no test clip is read. The clips to learn an action from are training clips of one view, drawn for each
  action among those with enough clips (the view with most, where none has), and its training clips from the other
  views are tested on.

The last two are for choosing settings.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from jaxtyping import Int64
from tqdm import tqdm

from poseembed import PoseEncoder
from poseembed.actions import ActionRecognizer
from poseembed.actions.nearest import NearestSequence
from poseembed.actions.temporal_convnet import TemporalConvNet
from training.datasets.actions import nucla, penn_action
from training.datasets.actions.clips import ActionClips
from training.evaluation.report import write_json

ALL = 0
"""Number of shots that stands for all clips that there are to learn from."""

TEST, HELD_OUT, OTHER_VIEWS = "test", "held-out", "other-views"

METHODS: dict[str, NearestSequence | TemporalConvNet] = {
    "nearest sequence": NearestSequence(),
    "temporal ConvNet": TemporalConvNet(),
}


@dataclass(frozen=True)
class Result:
    """What one recognizer got right.

    Attributes:
        data: Data set.
        method: How it learned.
        shots: Clips of each class that it learned from, at most; `ALL` is all.
        seed: Of the draw and of the training.
        accuracy: Share of the tested clips that it named right.
        seconds: For learning and testing.
    """

    data: str
    method: str
    shots: int
    seed: int
    accuracy: float
    seconds: float


def draw(
    clips: ActionClips, shots: int, seed: int, test_on: str
) -> tuple[Int64[np.ndarray, " learn"], Int64[np.ndarray, " test"]]:
    """Indices of clips to learn from and to test on, see the module."""
    rng = np.random.default_rng(seed)
    tested = ~clips.train if test_on == TEST else np.zeros(len(clips), bool)
    if test_on == HELD_OUT:
        tested = clips.train & (rng.random(len(clips)) < 0.25)
        if clips.subjects is not None:
            people = rng.choice(np.unique(clips.subjects[clips.train]), 2, replace=False)
            tested = clips.train & np.isin(clips.subjects, people)
    learn = []
    for label in np.unique(clips.labels[clips.train]):
        pool = np.flatnonzero(clips.train & ~tested & (clips.labels == label))
        if test_on == OTHER_VIEWS:
            views, counts = np.unique(clips.views[pool], return_counts=True)
            enough = views[(counts >= shots) & (counts < len(pool))]
            view = rng.choice(enough) if len(enough) else views[counts.argmax()]
            tested[pool[clips.views[pool] != view]] = True
            pool = pool[clips.views[pool] == view]
        learn.append(rng.permutation(pool)[: shots or None])
    return np.concatenate(learn), np.flatnonzero(tested)


def run(
    data: dict[str, ActionClips], encoder: PoseEncoder, shots: Sequence[int], *, seeds: int, test_on: str
) -> Iterator[Result]:
    """Train and test; yields each result as soon as it is there."""
    for name, clips in data.items():
        vectors = encoder.embed(clips.keypoints).z_pose
        sequences = np.split(vectors, clips.offsets[1:-1])
        usable = np.array([bool((~np.isnan(sequence).any(1)).any()) for sequence in sequences])
        for number in shots:
            for seed in range(seeds):
                learn, test = draw(clips, number, seed, test_on)
                learn = learn[usable[learn]]
                for method, settings in METHODS.items():
                    if (number, test_on, method) == (ALL, TEST, "nearest sequence") and seed:
                        continue  # the same clips again, and nothing random
                    started = perf_counter()
                    recognizer = ActionRecognizer(settings, seed=seed)
                    recognizer.fit([sequences[i] for i in learn], clips.labels[learn])
                    seen = test[usable[test]]  # a clip in which nobody is seen counts as an error
                    right = (recognizer.predict([sequences[i] for i in seen]) == clips.labels[seen]).sum()
                    yield Result(name, method, number, seed, float(right / len(test)), perf_counter() - started)


def table(results: Sequence[Result]) -> str:
    """Per cent, mean ± standard deviation over seeds."""
    lines = []
    shots = list(dict.fromkeys(result.shots for result in results))
    for data in dict.fromkeys(result.data for result in results):
        lines += [f"{data}, clips a class", " " * 18 + "".join(f"{number or 'all':>14}" for number in shots)]
        for method in METHODS:
            cells = []
            for number in shots:
                wanted = (data, method, number)
                found = [100 * r.accuracy for r in results if (r.data, r.method, r.shots) == wanted]
                deviation = np.std(found, ddof=1) if len(found) > 1 else 0.0
                cells.append(f"{np.mean(found):7.1f} ± {deviation:4.1f}" if found else f"{'':14}")
            lines.append(f"{method:18}" + "".join(cells).rstrip())
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.few_shot`."""
    summary = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m training.benchmarks.few_shot", description=summary)
    parser.add_argument("--penn-action", type=Path, metavar="FILE", help="Penn Action, .npz")
    parser.add_argument("--nucla", type=Path, metavar="FILE", help="N-UCLA, .npz")
    parser.add_argument("--weights", metavar="NAME_OR_FOLDER", help="checkpoint (default: the packaged one)")
    parser.add_argument("--shots", type=int, nargs="+", default=[1, 5, ALL], help="clips a class; 0 is all of them")
    parser.add_argument("--seeds", type=int, default=5, help="draws (default: %(default)s)")
    parser.add_argument("--test-on", choices=[TEST, HELD_OUT, OTHER_VIEWS], default=TEST, help="default: %(default)s")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="results, .json")
    options = parser.parse_args(arguments)
    if options.seeds < 1 or min(options.shots) < 0:
        parser.error("--seeds must be at least 1, and --shots not negative")
    if not options.out.parent.is_dir():
        parser.error(f"no such folder: {options.out.parent}")
    data = {}
    if options.penn_action:
        data["Penn Action"] = penn_action.read(options.penn_action)
    if options.nucla:
        data["N-UCLA"] = nucla.read(options.nucla)
    if not data:
        parser.error("give --penn-action, --nucla or both")
    encoder = PoseEncoder.from_pretrained(options.weights)
    found = run(data, encoder, options.shots, seeds=options.seeds, test_on=options.test_on)
    results = list(tqdm(found, unit="recognizer"))
    write_json(
        options.out,
        {
            "test_on": options.test_on,
            "methods": {name: asdict(m) for name, m in METHODS.items()},
            "results": [asdict(result) for result in results],
        },
    )
    print(table(results))


if __name__ == "__main__":
    main()
