"""The archive: every record of the log in Delta tables, one for each topic, and the way back."""
