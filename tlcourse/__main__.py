"""`python -m tlcourse` is the command `tlcourse`, and imports nothing from the current folder."""

import os
import sys

if not __file__.startswith(os.path.join(os.getcwd(), "")):  # else the course itself lies there
    # It may hold a submission's random.py.
    sys.path[:] = [entry for entry in sys.path if entry not in ("", os.getcwd())]

from tlcourse.cli import main

main()
