"""The index: two tables of rows that are valid from one index time to another."""
