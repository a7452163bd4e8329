"""`python -m tlcourse` is the command `tlcourse`, and imports nothing from the current folder."""

import os
import sys

if sys.path[0] == os.getcwd() and not __file__.startswith(os.path.join(os.getcwd(), "")):
    del sys.path[0]  # which holds a student's random.py, perhaps

from tlcourse.cli import main

main()
