"""`python -m app` is `assay`."""

import sys

from app.cli.main import main

sys.exit(main())
