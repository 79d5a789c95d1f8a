"""Searching many pose vectors: how much an index finds of what exact search finds, how fast, in how much memory.

`python -m training.benchmarks.search --data FILE... --weights NAME_OR_FOLDER --size 1000000 --out results.json`

The index holds `--size` pictures of the files' poses, taken in turn. Queries are pictures of poses drawn at random,
from other cameras. The second table says what a cosine of two view vectors tells of the cameras, on poses of the `val`
split, where a file has one. What is measured is said in `training.evaluation.search`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
import torch
from tqdm import tqdm

from poseembed import PoseEncoder
from poseembed.index.pose_index import large_kind
from training.evaluation.command import CommandParser, recordings
from training.evaluation.report import Table, texts, write_json
from training.evaluation.search import (
    NPROBES,
    PERCENTILES,
    RANKS,
    TOP_K,
    Angles,
    SearchResult,
    angles,
    run,
    take_pictures,
)


def tables(results: Sequence[SearchResult], cameras: Sequence[Angles]) -> Iterator[Table]:
    """A table of the ways of searching, and one of what view vectors tell of cameras."""
    found = ["", "nprobe", "rows", *(f"recall@{k}" for k in RANKS)]
    yield Table(
        [*found, "ms batched", "ms alone", "build s", "bytes"],
        [
            [
                *(r.kind, str(r.nprobe or ""), r.cameras or "all", *(f"{r.recall[k]:.3f}" for k in RANKS)),
                *(f"{r.batched_ms:.3f}", f"{r.alone_ms:.2f}", f"{r.build_seconds:.1f}", f"{r.bytes:.0f}"),
            ]
            for r in results
        ],
    )
    yield Table(
        ["cosine of view vectors", "pairs", *(f"{p} %" for p in PERCENTILES)],
        [
            [
                f"{a.pairs}, {a.low:.2f} to {a.high:.2f}",
                f"{100 * a.share:.1f} %",
                *(f"{a.degrees[p]:.0f}°" for p in PERCENTILES),
            ]
            for a in cameras
        ],
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.search`."""
    parser = CommandParser("training.benchmarks.search", __doc__)
    parser.add_data()
    parser.add_weights()
    parser.add_count("--size", 1_000_000, "rows of the index", least=TOP_K)
    parser.add_count("--queries", 1000, "of the index")
    parser.add_argument(
        "--kinds",
        nargs="*",
        metavar="KIND",
        help="faiss's factory strings besides Flat; lists with SQ8, SQfp16 and Flat, and HNSW16, if none",
    )
    parser.add_argument(
        "--nprobe",
        type=int,
        nargs="+",
        default=NPROBES,
        metavar="N",
        help=f"lists that a query looks into, or candidates in a graph (default: {' '.join(map(str, NPROBES))})",
    )
    parser.add_count("--pairs", 20_000, "of pictures whose cameras are compared")
    parser.add_seed("of poses and cameras")
    parser.add_out()
    options = parser.parse(arguments)
    if min(options.nprobe) < 1:
        parser.error("--nprobe must be at least 1")
    with parser.refusing():
        captures = recordings(options.data).values()
        encoder = PoseEncoder.from_pretrained(options.weights)
    poses = np.concatenate([capture.poses()[0] for capture in captures])
    unseen = np.concatenate([capture.held_out() for capture in captures])
    generator = torch.Generator().manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    gallery = take_pictures(encoder, np.resize(poses, (options.size, 13, 3)), generator=generator, progress=True)
    queries = take_pictures(encoder, rng.choice(poses, options.queries), generator=generator)
    bodies, others = rng.choice(unseen, (2, options.pairs))
    one, same, two = (take_pictures(encoder, shown, generator=generator) for shown in (bodies, bodies, others))
    cameras = [*angles(one, same, "one pose"), *angles(one, two, "two poses")]
    lists = large_kind(options.size).partition(",")[0]
    kinds = options.kinds or [*(f"{lists},{codes}" for codes in ("SQ8", "SQfp16", "Flat")), "HNSW16"]
    results = list(tqdm(run(gallery, queries, kinds, nprobes=options.nprobe), unit="row"))
    write_json(options.out, {"indexes": [asdict(r) for r in results], "cameras": [asdict(a) for a in cameras]})
    print(texts(tables(results, cameras)))


if __name__ == "__main__":
    main()
