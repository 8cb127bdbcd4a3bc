"""Who proposes, and the search that ties everything together."""
