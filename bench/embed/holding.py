# SPDX-License-Identifier: Apache-2.0
"""How much memory one way takes with one video. Runs as a process of its own."""

import json
import resource
import sys
from pathlib import Path

from bench.embed.measuring import WAYS


def main() -> None:
    """Go the way, print the most that was resident in MB."""
    way, path = sys.argv[1:]
    WAYS[way](Path(path))
    print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


if __name__ == "__main__":
    main()
