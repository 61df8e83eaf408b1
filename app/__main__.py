"""`python -m app` is `assay`."""

import sys

from app.cli import main

sys.exit(main())
