"""What a candidate may use to get ready for a run: the default, which a task's own replaces."""

SETUP_SECONDS = 0.3  # of CPU time, to load the candidate and to begin a run with it
