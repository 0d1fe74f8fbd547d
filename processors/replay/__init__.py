"""What would have happened: past questions asked again, and what came of it compared."""
