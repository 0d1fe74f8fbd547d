"""How the served files are made from the packaged weights."""
