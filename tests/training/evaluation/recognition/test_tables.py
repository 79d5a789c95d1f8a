"""Tables of action recognition."""

from training.evaluation.recognition.fits import FitResult
from training.evaluation.recognition.results import SystemResults
from training.evaluation.recognition.tables import Column, table


def test_table_shows_per_cent_deviation_and_the_best() -> None:
    def system(name: str, scores: dict[str, tuple[float, float]]) -> SystemResults:
        results = [
            FitResult(split, seed, of_split[seed], 2 * of_split[seed], {}, 1.0, 0.0)
            for split, of_split in scores.items()
            for seed in (0, 1)
        ]
        return SystemResults(name, name.upper(), {}, 0.005, (), tuple(results))

    compared = [system("a", {"x": (0.1, 0.3), "y": (0.3, 0.5)}), system("b", {"x": (0.3, 0.3), "y": (0.1, 0.2)})]
    columns = [Column("x", ("x",)), Column("both", ("x", "y")), Column("closed", ("y",), "closed")]
    lines = table(compared, columns, 2, ("paper", {"b": "31"})).splitlines()
    assert lines[0] == "| system | learning rate | x | both | closed | paper |"
    assert lines[2] == "| A | 0.005 | 20.0 ± 14.1 | **30.0 ± 14.1** | **80.0 ± 28.3** | - |"
    assert table(compared, columns, 3).splitlines()[2].startswith("| A (2 of 3 trainings) | 0.005 | 20.0 ± 14.1")
    assert lines[3] == "| B | 0.005 | **30.0 ± 0.0** | 22.5 ± 3.5 | 30.0 ± 14.1 | 31 |"
