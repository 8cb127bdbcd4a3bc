"""What the researcher is made of: what it recalls, asks, writes and tries, and in which order."""
