"""Tasks in spawned processes, of which one that fails, or ends its process, keeps no other."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Hashable, Mapping
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeVar

import torch

Key = TypeVar("Key", bound=Hashable)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    tasks: Mapping[Key, Callable[[], object]], jobs: int, report: Callable[[], object] = lambda: None
) -> dict[Key, str]:
    """Do tasks, several at once; whatever ends this call ends its processes too.

    Args:
        tasks: What to do, by any name; can be pickled.
        jobs: Processes, at most.
        report: Called whenever a task has ended.

    Returns:
        What went wrong, by name: the words of an exception, or that the process died.
    """
    context = multiprocessing.get_context("spawn")
    threads = max(1, cores() // jobs)
    waiting, errors = dict(tasks), dict[Key, str]()
    idle: list[tuple[Connection, BaseProcess]] = []
    busy: dict[Connection, tuple[BaseProcess, Key]] = {}

    def start() -> None:
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, threads), daemon=True)
        process.start()
        theirs.close()
        idle.append((ours, process))

    try:
        for _ in range(min(jobs, len(tasks))):
            start()  # before any gets its task, so that they load the library side by side
        while waiting or busy:
            while waiting and idle:
                (pipe, process), key = idle.pop(), next(iter(waiting))
                busy[pipe] = process, key
                pipe.send(waiting.pop(key))
            for ready in wait(list(busy)):
                assert isinstance(ready, Connection)
                process, key = busy.pop(ready)
                try:
                    said = ready.recv()
                    idle.append((ready, process))
                except EOFError:
                    process.join()
                    said = f"the process that worked on it died, with exit code {process.exitcode}"
                    if waiting:
                        start()
                if said is not None:
                    errors[key] = said
                report()
    finally:
        for process, _ in busy.values():
            process.terminate()
            process.join()
        for pipe, process in idle:
            pipe.close()  # at which it ends by itself
            process.join()
    return errors


def _serve(pipe: Connection, threads: int) -> None:
    """Do what comes, until nobody is there to send any more; answers with what went wrong, or None."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal, and is for the first
    torch.set_num_threads(threads)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            task()
        except Exception as error:  # whatever it is, it is told, and the next task is another one
            pipe.send(str(error) or type(error).__name__)
        else:
            pipe.send(None)
