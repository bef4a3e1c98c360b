"""What the Makefile runs. Notebooks never import from here."""
