"""Entry point of ``python -m sk_swat``."""

import sys

from sk_swat.cli import main

if __name__ == "__main__":  # the benchmark's processes import this module, too
    sys.exit(main())
