"""`python -m graphdsl`: the same as the command `graphdsl`."""

import sys

from graphdsl.cli import main

sys.exit(main())
