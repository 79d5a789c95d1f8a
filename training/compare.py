r"""Train every system alike: `python -m training.compare --data mocap_cmu.npz --out runs/comparison`.

The same network, bodies, cameras, virtual detector, optimiser and number of pairs for all; only the objective differs,
and the learning rate, which each system has searched for it in the same way: short runs at rates a factor of three
apart, until the best of them has a worse one, or one at which training diverges, on either side. A run is judged by
hit@1 across virtual cameras on the `val` split (complete poses), with the vectors compared by cosine or by Euclidean
distance, whichever suits them better.

A system that is finished is not trained again, and one that was stopped goes on where it was. A million pairs each
take one CPU core an hour and a half; processes with different `--systems` share the work. The paper's 5 million batches
of 256, on a GPU:

    python -m training.compare --data mocap_cmu.npz --out runs/paper --pairs 1280000000 --search-pairs 12800000 \
        --set network.width=1024 objective.config.dropout=0.25
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch.optim import AdamW

from poseembed import PoseEncoder
from poseembed.network import NetworkConfig
from training.datasets import mocap
from training.evaluation.command import CommandParser, command_line, start
from training.evaluation.conditions import EXACT
from training.evaluation.report import Table, write_json
from training.evaluation.representations import Embed, means, pose_vectors
from training.evaluation.results_document import write_section
from training.evaluation.retrieval import GALLERY, Trial, hit_rates, make_trial
from training.evaluation.systems import CHECKPOINT_FOLDER, CHOICE_FILE, systems
from training.objectives.base import System
from training.running import log as run_log
from training.running.recipe import Recipe
from training.running.settings import change, describe
from training.running.trainer import Diverged, Trainer, export, train
from training.scene.bodies import Bodies
from training.scene.detector import Detector
from training.scene.views import ViewSampler

PAIRS, SEARCH_PAIRS = 1_000_000, 150_000
"""Pairs that each system is trained on, and those of each run of the search."""

FIRST_RATE, FACTOR, MOST_RATES = 1.5e-3, 3.0, 5
"""Where the search begins, how far apart its rates are, and how many there are at most."""

GALLERIES = 2
"""How many a run is judged on."""

ALIKE = """
Everything but the objective is the same for all; unless the command sets it otherwise, that is five layers of 512
units, the recorded bodies, cameras 3 to 12 torso lengths away, a virtual detector (noise; half of the views can lose
joints), batches of 256 pairs, AdamW with a rate that falls to 0, no dropout. Each system had its learning rate searched
by the same rule, on the `val` split. The paper trained on Human3.6M (half of it detected keypoints) for 1,280 million
pairs, with 1,024 units, Adagrad and dropout.
""".strip()
"""What `RESULTS.md` says of the settings that `recipe` makes."""

DISTANCES: dict[str, Callable[[PoseEncoder], Embed]] = {"cosine": pose_vectors, "euclidean": means}
"""How pose vectors are compared: what `hit_rates`, which ranks by Euclidean distance, is to be given."""


@dataclass(frozen=True)
class Score:
    """How good a trained encoder is on the `val` split.

    Attributes:
        hit: Share of the queries with a hit at 1, by cosine and by Euclidean distance.
    """

    hit: dict[str, float]

    @property
    def distance(self) -> str:
        """The better of the two."""
        return max(self.hit, key=lambda name: self.hit[name])

    @property
    def best(self) -> float:
        """What that one finds."""
        return self.hit[self.distance]


def recipe(system: System, learning_rate: float, pairs: int) -> Recipe:
    """What a system is trained with; all but the objective, the vectors' lengths and the rate is the same for all.

    It is recipe `cv_mim`, for the same reasons, with half the units a layer, so that more pairs fit into the time.
    """
    return Recipe(
        objective=system.objective,
        network=NetworkConfig(mask_input=True, width=512, pose_dim=system.pose_dim, view_dim=system.view_dim),
        pairs=pairs,
        detector=Detector(noise=0.03, occluded=0.5),
        optimizer=partial(AdamW, lr=learning_rate, weight_decay=0.01, fused=True),
        warmup=0.02,
        cooldown=0.9,
    )


def search(measure: Callable[[float], float]) -> float:
    """The learning rate with the best measure: both its neighbours were tried, or `MOST_RATES` rates were.

    Args:
        measure: Trains at a rate, and says how good that was.
    """
    found = {power: measure(FIRST_RATE * FACTOR**power) for power in (-1, 0, 1)}
    while len(found) < MOST_RATES:
        best = max(found, key=lambda power: found[power])
        beyond = [power for power in (best - 1, best + 1) if power not in found]
        if not beyond:
            break
        found[beyond[0]] = measure(FIRST_RATE * FACTOR ** beyond[0])
    return FIRST_RATE * FACTOR ** max(found, key=lambda power: found[power])


class Comparison:
    """Trains systems on one set of bodies, and judges them on another.

    Args:
        data: Motion capture files; one at least has a `val` split.
        changes: Assignments to settings of every recipe, see `training.running.settings.change`.
        seed: Of everything random.
        save_seconds: Time between two saves of a run's state.
        device: Where to train.
        galleries: How many a run is judged on.
        gallery_size: Poses in each of them.

    Raises:
        ValueError: If no file has a `val` split with enough poses.
    """

    def __init__(
        self,
        data: Sequence[Path],
        *,
        changes: Sequence[str],
        seed: int,
        save_seconds: float,
        device: torch.device,
        galleries: int = GALLERIES,
        gallery_size: int = GALLERY,
    ) -> None:
        self.data, self.changes, self.seed, self.save_seconds, self.device = data, changes, seed, save_seconds, device
        self.bodies = mocap.read_poses(data, "train")
        held_out = [recordings for recordings in map(mocap.read, data) if "val" in recordings.split]
        if not held_out:
            raise ValueError("no file has a val split to choose learning rates on; add one that has")
        poses = np.concatenate([recordings.poses("val")[0] for recordings in held_out])
        self.trials = make_trials(poses, galleries, gallery_size)

    def finish(self, system: System, folder: Path, *, pairs: int, search_pairs: int) -> None:
        """Search a system's learning rate and train it, or whatever of that is not done yet.

        Raises:
            ValueError: If the folder holds runs with other settings.
        """

        def measure(rate: float) -> float:
            try:
                return self.run(system, rate, search_pairs, folder / "search" / f"{rate:.2g}").best
            except Diverged:
                return 0.0

        rate = search(measure)
        score = self.run(system, rate, pairs, folder)
        choice = {"learning_rate": rate, "distance": score.distance, "pairs": pairs, "val_hit_at_1": score.hit}
        write_json(folder / CHOICE_FILE, choice)

    def run(self, system: System, rate: float, pairs: int, folder: Path) -> Score:
        """Train at one rate and judge, or read the judgement if that is done."""
        settings = recipe(system, rate, pairs)
        for assignment in self.changes:
            settings = change(settings, assignment)
        settings_of_run = {"recipe": describe(settings), "seed": self.seed, "data": [path.name for path in self.data]}
        settings_of_run["galleries"] = {"count": len(self.trials), "poses": len(self.trials[0].poses)}
        file = folder / "score.json"
        if file.is_file():
            stored = json.loads(file.read_text(encoding="utf-8"))
            if any(stored.get(name) != value for name, value in settings_of_run.items()):
                raise ValueError(f"{folder} holds a run with other settings; choose another --out")
            return Score(stored["hit"])
        folder.mkdir(parents=True, exist_ok=True)
        bodies = Bodies(*self.bodies, settings.variation).to(self.device)
        sampler = ViewSampler(bodies, settings.cameras, settings.detector)
        trainer = Trainer(settings, sampler, seed=self.seed)
        train(trainer, folder, save_seconds=self.save_seconds)
        checkpoint = folder / CHECKPOINT_FOLDER
        changes = [f"learning_rate={rate:.2g}", *self.changes]
        export(trainer, checkpoint, recipe_name=f"training.compare {system.name}", changes=changes, data=self.data)
        run_log.write_table(folder, checkpoint / run_log.FILE_NAME)
        score = self.judge(PoseEncoder.from_pretrained(checkpoint))
        write_json(file, settings_of_run | {"hit": score.hit})
        return score

    def judge(self, encoder: PoseEncoder) -> Score:
        """Hit@1 on the `val` split, mean over the galleries."""
        hits = {
            name: float(np.mean([hit_rates(trial, compared(encoder))[1] for trial in self.trials]))
            for name, compared in DISTANCES.items()
        }
        return Score(hits)


def make_trials(poses: Float[np.ndarray, "poses 13 3"], galleries: int, size: int) -> list[Trial]:
    """Galleries of complete poses; their cameras are other ones than those of the retrieval benchmark."""
    return [make_trial(poses, EXACT, seed=1000 + seed, size=size) for seed in range(galleries)]


def section(out: Path, made_by: str) -> str:
    """What `RESULTS.md` says of the finished systems: settings that are the same for all, and what was searched."""
    rows = []
    for name, system in systems().items():
        file = out / name / CHOICE_FILE
        if not file.is_file():
            continue
        choice = json.loads(file.read_text(encoding="utf-8"))
        rates = sorted(float(run.name) for run in (out / name / "search").iterdir())
        rows.append(
            [
                system.label,
                f"{choice['pairs']:,}",
                f"{choice['learning_rate']:.2g}",
                ", ".join(f"{rate:.2g}" for rate in rates),
                *(f"{100 * choice['val_hit_at_1'][distance]:.1f}" for distance in DISTANCES),
                choice["distance"],
            ]
        )
    head = ["system", "pairs", "learning rate", "of", *(f"val hit@1, {name}" for name in DISTANCES), "compared by"]
    return "\n\n".join([f"```bash\n{made_by}\n```", ALIKE, Table(head, rows).markdown()])


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.compare`."""
    known = systems()
    parser = CommandParser("training.compare", __doc__)
    parser.add_data()
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a folder for each system")
    parser.add_argument("--systems", nargs="+", choices=known, default=list(known), metavar="NAME", help="default: all")
    parser.add_count("--pairs", PAIRS, "of each system")
    parser.add_count("--search-pairs", SEARCH_PAIRS, "of each learning rate tried")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="SETTING=VALUE",
        help="change settings of every system's recipe",
    )
    parser.add_count("--galleries", GALLERIES, "of val poses that a run is judged on")
    parser.add_count("--poses", GALLERY, "in each of them", least=1)
    parser.add_results("document to write to (RESULTS.md)")
    parser.add_seed("of everything random")
    parser.add_device()
    parser.add_argument("--save-seconds", type=float, default=60, help="time between two saves (default: %(default)s)")
    options = parser.parse(arguments)
    device = start(options.device)
    with parser.refusing(TypeError):
        for name in options.systems:  # a setting that one of them lacks is found before any is trained
            for assignment in options.set:
                change(recipe(known[name], FIRST_RATE, options.pairs), assignment)
        comparison = Comparison(
            options.data,
            changes=options.set,
            seed=options.seed,
            save_seconds=options.save_seconds,
            device=device,
            galleries=options.galleries,
            gallery_size=options.poses,
        )
        for name in options.systems:
            comparison.finish(known[name], options.out / name, pairs=options.pairs, search_pairs=options.search_pairs)
    given = {
        "--data": options.data,
        "--out": [options.out],
        "--pairs": [str(options.pairs)],
        "--search-pairs": [str(options.search_pairs)],
        "--set": options.set,
        "--seed": [str(options.seed)],
        **parser.changed(options, "--galleries", "--poses"),
    }
    text = section(options.out, command_line("training.compare", given))
    write_section(options.results, "What was compared", text)
    print(text)


if __name__ == "__main__":
    main()
