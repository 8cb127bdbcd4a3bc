"""What a candidate may use to get ready for a run; what is here is replaced by its task's figure."""

SETUP_SECONDS = 0.5  # of CPU time, to load the candidate and to begin a run with it
