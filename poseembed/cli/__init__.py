"""The `poseembed` command: one file a command, each a class of its options; here are its errors and exit codes."""

import argparse
import io
import os
import sys
import time
from collections.abc import Sequence

from poseembed._version import __version__
from poseembed.cli.classify import Classify
from poseembed.cli.compare import Compare
from poseembed.cli.count import Count
from poseembed.cli.embed import Embed
from poseembed.cli.export import Export
from poseembed.cli.info import Info
from poseembed.cli.search import Search
from poseembed.cli.shared import Command
from poseembed.cli.video import Video

COMMANDS: tuple[type[Command], ...] = (Embed, Video, Search, Compare, Count, Classify, Export, Info)
"""In the order in which `poseembed --help` lists them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code: 0 is success, 1 an input that cannot be used, 130 an interruption; argparse itself exits with 2
        where the command line is wrong.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a file's name that the screen cannot show must not cost a table
    options = vars(_parser().parse_args(arguments))
    command: type[Command] = options.pop("command")
    traceback: bool = options.pop("traceback")
    start = time.perf_counter()
    try:
        done = command(**options).run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("poseembed: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever reads the table has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it flushes
        return 0
    except (ImportError, MemoryError, OSError, RuntimeError, TypeError, ValueError) as error:
        # What the library raises for input that it cannot use, whose words say how to mend it; and a want of memory,
        # for which torch raises a RuntimeError.
        if traceback:
            raise
        words = "; ".join(filter(None, map(str.strip, str(error).splitlines())))
        print(f"poseembed: {words or 'there is not enough memory'}", file=sys.stderr)
        return 1
    if done:
        print(f"{done} ({time.perf_counter() - start:.1f} s)", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="poseembed",
        description="View-invariant vectors of 2D human poses.",
        epilog="poseembed COMMAND --help has examples.",
    )
    parser.add_argument("--version", action="version", version=f"poseembed {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        of_command = subparsers.add_parser(
            command.name,
            help=command.summary,
            description=command.summary[0].upper() + command.summary[1:] + ".",
            epilog="examples:\n" + "\n".join(f"  poseembed {command.name} {example}" for example in command.usage),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        of_command.set_defaults(command=command)
        of_command.add_argument("--traceback", action="store_true", help="on an error, show where it came from")
        command.add_arguments(of_command)
    return parser
