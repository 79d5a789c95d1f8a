"""How fast training runs, and how much of the device it uses.

`python -m training.benchmarks.throughput RECIPE... --data FILE... --out results.json`

A row a recipe; what the columns mean is said in `training.evaluation.throughput`.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace

from training.datasets.mocap import read_poses
from training.evaluation.command import CommandParser, start
from training.evaluation.report import Table, write_json
from training.evaluation.throughput import PEAK_SIZE, Throughput, measure
from training.running.recipe import load_recipe, recipe_names
from training.scene.bodies import Bodies


def table(results: Sequence[Throughput]) -> Table:
    """A row a recipe, and where it was measured."""
    columns = ["", "pairs/s", "sampling", "Mflop/pair", "peak Gflop/s", "of the peak", "on"]
    rows = [
        [
            r.recipe,
            f"{r.pairs_per_second:,.0f}",
            f"{100 * r.sampling_share:.1f} %",
            f"{r.flops_per_pair / 1e6:.1f}",
            f"{r.peak_flops / 1e9:,.0f}",
            f"{100 * r.peak_share:.1f} %",
            f"{r.device}, {r.threads} threads, {r.precision}",
        ]
        for r in results
    ]
    return Table(columns, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.throughput`."""
    parser = CommandParser("training.benchmarks.throughput", __doc__)
    parser.add_argument(
        "recipes",
        nargs="+",
        metavar="RECIPE",
        help=f"{', '.join(recipe_names())}; or a file that defines RECIPE, .py",
    )
    parser.add_data()
    parser.add_count("--batch-size", None, "pairs a step instead of the recipes' number")
    parser.add_device()
    parser.add_argument("--seconds", type=float, default=10, help="a recipe (default: %(default)s)")
    parser.add_count("--peak-size", PEAK_SIZE, "rows and columns of the matrices whose product sets the peak")
    parser.add_out()
    options = parser.parse(arguments)
    device = start(options.device)
    with parser.refusing():
        recipes = {name: load_recipe(name) for name in options.recipes}
        joints, nose = read_poses(options.data, "train")
    results = []
    for name, recipe in recipes.items():
        if options.batch_size:
            recipe = replace(recipe, batch_size=options.batch_size)
        bodies = Bodies(joints, nose, recipe.variation).to(device)
        results.append(measure(name, recipe, bodies, seconds=options.seconds, peak_size=options.peak_size))
    write_json(options.out, [asdict(result) for result in results])
    print(table(results).text())


if __name__ == "__main__":
    main()
