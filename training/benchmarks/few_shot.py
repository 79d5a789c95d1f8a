"""How many clips a class action recognition needs: `poseembed.actions` with 1, 5, 10 ... of them, and with all.

`python -m training.benchmarks.few_shot --penn-action FILE --nucla FILE --out few_shot.json`

What `--test-on` tests on is said in `training.evaluation.few_shot`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from poseembed import PoseEncoder
from poseembed.actions.temporal_convnet import TemporalConvNet
from poseembed.clips import REACH
from training.datasets.actions import nucla, penn_action
from training.evaluation.command import CommandParser
from training.evaluation.few_shot import ALL, CONVNET, HELD_OUT, METHODS, OTHER_VIEWS, TEST, FewShotResult, run
from training.evaluation.report import Table, spread, texts, write_json


def tables(results: Sequence[FewShotResult]) -> Iterator[Table]:
    """A table a data set: per cent, mean ± standard deviation over seeds."""
    shots = list(dict.fromkeys(result.shots for result in results))
    for data in dict.fromkeys(result.data for result in results):
        rows = []
        for method in METHODS:
            found = {
                number: [100 * r.accuracy for r in results if (r.data, r.method, r.shots) == (data, method, number)]
                for number in shots
            }
            rows.append([method, *(spread(found[number]) if found[number] else "" for number in shots)])
        yield Table(["", *(str(number or "all") for number in shots)], rows, f"{data}, clips a class")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.few_shot`."""
    parser = CommandParser("training.benchmarks.few_shot", __doc__)
    parser.add_argument("--penn-action", type=Path, metavar="FILE", help="Penn Action, .npz")
    parser.add_argument("--nucla", type=Path, metavar="FILE", help="N-UCLA, .npz")
    parser.add_weights()
    parser.add_argument("--shots", type=int, nargs="+", default=[1, 5, ALL], help="clips a class; 0 is all of them")
    parser.add_count("--seeds", 5, "draws")
    parser.add_argument("--test-on", choices=[TEST, HELD_OUT, OTHER_VIEWS], default=TEST, help="default: %(default)s")
    parser.add_count("--steps", TemporalConvNet.steps, "of the temporal ConvNet's training, at most")
    parser.add_argument("--context", action="store_true", help="vectors with what comes before and after")
    parser.add_out()
    options = parser.parse(arguments)
    if min(options.shots) < 0:
        parser.error("--shots must not be negative")
    data = {}
    with parser.refusing():
        if options.penn_action:
            data["Penn Action"] = penn_action.read(options.penn_action)
        if options.nucla:
            data["N-UCLA"] = nucla.read(options.nucla)
    if not data:
        parser.error("give --penn-action, --nucla or both")
    with parser.refusing():
        encoder = PoseEncoder.from_pretrained(options.weights)
    if options.context:
        parser.need_clip_encoder(encoder)
    methods = {**METHODS, CONVNET: TemporalConvNet(steps=options.steps)}
    context = REACH if options.context else 0.0
    found = run(
        data, encoder, options.shots, seeds=options.seeds, test_on=options.test_on, context=context, methods=methods
    )
    results = list(tqdm(found, unit="recognizer"))
    write_json(
        options.out,
        {
            "test_on": options.test_on,
            "context": context,
            "methods": {name: asdict(method) for name, method in methods.items()},
            "results": [asdict(result) for result in results],
        },
    )
    print(texts(tables(results)))


if __name__ == "__main__":
    main()
