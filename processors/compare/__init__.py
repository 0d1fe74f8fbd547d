"""Ways of answering held against each other: figures with intervals, and what was retrieved."""
