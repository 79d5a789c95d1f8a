"""What commands have in common: options that mean the same everywhere, their checks, and the start of the work."""

import shlex
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch

from poseembed import PoseEncoder
from training.datasets import mocap, multiview
from training.datasets.mocap import MotionCapture
from training.datasets.multiview import MultiviewRecording
from training.evaluation.results_document import RESULTS


class CommandParser(ArgumentParser):
    """Reads a command line, and refuses what cannot be done before any work is begun.

    Args:
        module: What `python -m` runs.
        doc: Its docstring, whose first line says what the command is for.
    """

    def __init__(self, module: str, doc: str) -> None:
        summary = doc.partition("\n")[0].partition(": `python")[0]
        super().__init__(prog=f"python -m {module}", description=summary)
        self._least: list[tuple[Action, int]] = []
        self._read: list[Action] = []
        self._written: list[Action] = []

    def add_data(self, *, required: bool = True) -> None:
        """`--data`: files of motion capture, an empty list if they are not required and not given."""
        data = self.add_argument(
            "--data",
            type=Path,
            nargs="+",
            default=[],
            required=required,
            metavar="FILE",
            help="motion capture, .npz or as it comes",
        )
        self._read.append(data)

    def add_recordings(self, *, required: bool = False) -> None:
        """`--recordings`: files for `multiview_recordings`, an empty list if they are not required and not given."""
        self.add_argument(
            "--recordings",
            type=Path,
            nargs="+",
            default=[],
            required=required,
            metavar="FILE",
            help="by several cameras, .npz",
        )

    def add_weights(self) -> None:
        """`--weights`: one checkpoint, None if it is not given."""
        self.add_argument("--weights", metavar="NAME_OR_FOLDER", help="checkpoint; the packaged default if not given")

    def add_several_weights(self, help: str = "checkpoints") -> None:
        """`--weights`: any number of checkpoints."""
        self.add_argument("--weights", nargs="+", action="extend", default=[], metavar="NAME_OR_FOLDER", help=help)

    def add_run(self) -> None:
        """`--run`: the folder of a comparison of systems; None if it is not given."""
        self.add_argument("--run", type=Path, metavar="RUN", help="folder of training.compare; its finished systems")

    def add_count(self, option: str, default: int | None, help: str, *, least: int = 1) -> None:
        """A whole number that must not be below `least`; what is not given and has no default is None."""
        said = help if default is None else f"{help} (default: %(default)s)"
        self._least.append((self.add_argument(option, type=int, default=default, metavar="N", help=said), least))

    def add_seed(self, help: str) -> None:
        """`--seed`, 0 if it is not given."""
        self.add_count("--seed", 0, help, least=0)

    def add_device(self) -> None:
        """`--device`, for `start`."""
        self.add_argument("--device", help="cpu, cuda, ...; the GPU if there is one")

    def add_out(self, help: str = "results, .json") -> None:
        """`--out`: the file to write."""
        self._written.append(self.add_argument("--out", type=Path, required=True, metavar="FILE", help=help))

    def add_plot(self, help: str = "picture, .png") -> None:
        """`--plot`: a picture to write; None if it is not given."""
        self._written.append(self.add_argument("--plot", type=Path, metavar="FILE", help=help))

    def add_results(self, help: str = "document to put the table into (default: RESULTS.md)") -> None:
        """`--results`: the document that a table goes into."""
        self._written.append(self.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help=help))

    def parse(self, arguments: Sequence[str] | None) -> Namespace:
        """Options of a command line (of this process's own if None), after all checks; ends the program on an error."""
        options = self.parse_args(arguments)
        for action, least in self._least:
            value = getattr(options, action.dest)
            if value is not None and value < least:
                self.error(f"{action.option_strings[0]} must be at least {least}")
        for action in self._written:
            path = getattr(options, action.dest)
            if path is not None and not path.parent.is_dir():
                self.error(f"no such folder: {path.parent}")
            if path is not None and path.is_dir():
                self.error(f"{path} is a folder; name a file in it")
        if getattr(options, "plot", None) is not None and find_spec("matplotlib") is None:
            self.error("--plot needs matplotlib: pip install poseembed[plot]")
        for action in self._read:
            for path in getattr(options, action.dest):
                if not path.exists():
                    self.error(f"no such file: {path}")
        return options

    def changed(self, options: Namespace, *names: str) -> dict[str, list[str]]:
        """Those of some options that are not as they are by default, for `command_line`."""
        found = {}
        for name in names:
            destination = name.removeprefix("--").replace("-", "_")
            value = getattr(options, destination)
            if value != self.get_default(destination):
                found[name] = [str(value)]
        return found

    def calibrated(self, weights: str | None) -> PoseEncoder:
        """The checkpoint of `--weights`, which must have a calibration; ends the program if it has none."""
        encoder = PoseEncoder.from_pretrained(weights)
        if encoder.config.calibration is None:
            how = "python -m training.calibrate FOLDER --data FILE"
            self.error(f"this checkpoint has no calibration; fit it with: {how}")
        return encoder

    def need_clip_encoder(self, encoder: PoseEncoder) -> None:
        """End the program if a checkpoint knows nothing of what comes before and after a frame."""
        if encoder.clip is None:
            self.error("this checkpoint has no clip encoder, so there are no vectors with context")

    @contextmanager
    def refusing(self, *errors: type[Exception]) -> Iterator[None]:
        """End the program in plain words where what was given turns out to be of no use.

        Args:
            errors: What tells so, besides OSError, ValueError and ImportError.
        """
        refused: tuple[type[Exception], ...] = (OSError, ValueError, ImportError, *errors)
        try:
            yield
        except refused as error:
            self.error(str(error))


def recordings(paths: Sequence[Path]) -> dict[str, MotionCapture]:
    """Motion capture by the names of the files, which results are told apart by.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file cannot be read, or two have one name.
    """
    return {name: mocap.read(path) for name, path in mocap.by_name(paths).items()}


def multiview_recordings(paths: Sequence[Path]) -> dict[str, MultiviewRecording]:
    """What several cameras saw, by the names of the files.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file cannot be read, or two have one name.
    """
    return {name: multiview.read(path) for name, path in mocap.by_name(paths).items()}


def start(device: str | None) -> torch.device:
    """Begin to train: numbers so small that a CPU is slow with them are 0 from here on.

    Args:
        device: "cpu", "cuda" ...; the GPU if there is one for None.

    Returns:
        Where to compute.
    """
    torch.set_flush_denormal(True)
    return torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))


def command_line(module: str, options: Mapping[str, Sequence[str | Path]]) -> str:
    """The command line that makes a table again, with the names of files and folders instead of their paths.

    Args:
        module: What to run.
        options: Values by option; one without values is left out.
    """
    words = ["python", "-m", module]
    for option, values in options.items():
        if values:
            words += [option, *(value.name if isinstance(value, Path) else value for value in values)]
    return shlex.join(words)
