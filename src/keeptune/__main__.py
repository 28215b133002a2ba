"""`python -m keeptune`."""

import sys

from keeptune.cli.main import main

sys.exit(main())
