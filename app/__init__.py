"""How a person meets Ratchet: the command line, and what it prints."""
