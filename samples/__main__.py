"""Command line of the samples: `python -m samples build|draw|list`."""

from __future__ import annotations

import argparse
from pathlib import Path

from samples.bucket import SAMPLES, build, draw


def main(arguments: list[str] | None = None) -> None:
    """Write the sample bucket, draw budgets for load, or list what the bucket holds and what should become of it."""
    options = _parser().parse_args(arguments)
    if options.command == "build":
        print(f"{len(build(options.directory))} documents in {options.directory}")
    elif options.command == "draw":
        is_text = options.format == "txt"
        paths = draw(options.directory, options.count, options.seed, options.items, is_text=is_text)
        print(f"{len(paths)} drawn budgets in {options.directory}")
    else:
        for sample in SAMPLES:
            print(f"{sample.file_name}\t{sample.state}\t{sample.reason}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m samples", description=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser("build", help="write the sample bucket")
    builder.add_argument("directory", type=Path)
    drawer = commands.add_parser("draw", help="write random balanced budgets")
    drawer.add_argument("directory", type=Path)
    drawer.add_argument("--count", type=int, default=100)
    drawer.add_argument("--seed", type=int, default=0, help="the first seed; one budget a seed")
    drawer.add_argument("--items", type=int, default=24, help="functional accounts in each budget")
    drawer.add_argument("--format", choices=("pdf", "txt"), default="pdf")
    commands.add_parser("list", help="what the bucket holds, and the state in which each document should end")
    return parser


if __name__ == "__main__":
    main()
