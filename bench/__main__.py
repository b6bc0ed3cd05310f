"""`python -m bench`: measure and print. `--only sync --sizes 1000 --rounds 1` is a quick look."""

from __future__ import annotations

import argparse
import sys

from bench import report, sync


def main() -> None:
    asked = _arguments()
    say = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
    if asked.only in ("", "sync"):
        for size in asked.sizes:
            rounds = asked.rounds or (3 if size <= 10_000 else 1)
            print(report.of_sync(sync.measure(size, rounds, say)), flush=True)
    if asked.only in ("", "scheduling"):
        from bench import scheduling

        print(report.of_scheduling(scheduling.measure(asked.accounts, say)), flush=True)
    if asked.only in ("", "availability"):
        from bench import availability

        print(availability.report(availability.measure(5_000, say)), flush=True)
    if asked.only in ("", "pages"):
        from bench import pages, town

        print("\n### Pages\n", pages.report(pages.measure(town.Size(), say)), sep="\n", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Calsync.")
    parser.add_argument("--only", choices=("sync", "scheduling", "availability", "pages"), default="")
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")], default=[1_000, 10_000, 20_000])
    parser.add_argument("--rounds", type=int, default=0, help="per size; 3, for the largest 1")
    parser.add_argument("--accounts", type=int, default=10_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
