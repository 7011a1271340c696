"""`python -m sidebyside` prints the table."""

import sys

from sidebyside.table import main

sys.exit(main())
