"""What there is to say of a run, whoever draws it."""
