"""How `make test` runs the notebooks: a plugin of pytest beside nbval, and what nbval leaves out."""
