"""Index versions beside one another: built from the log, compared, switched to, retired."""
