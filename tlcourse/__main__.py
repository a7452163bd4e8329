"""The command `tlcourse`, also as `python -m tlcourse`: it imports nothing from the current folder.

That folder may hold a submission's random.py. It is on the path of `python -m`, and of every
Python where PYTHONPATH has an empty entry.
"""

import os
import sys

if not __file__.startswith(os.path.join(os.getcwd(), "")):  # else the course itself lies there
    sys.path[:] = [entry for entry in sys.path if entry not in ("", os.getcwd())]

from tlcourse.cli import main

if __name__ == "__main__":
    main()
