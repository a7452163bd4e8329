"""Running the course: its content, the learner's copy, headless runs, pages and slides."""
