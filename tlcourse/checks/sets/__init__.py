"""The checks of the exercise sets, a module each: its tasks, in order."""
