"""One module for each network."""
