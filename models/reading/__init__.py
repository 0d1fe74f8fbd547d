"""The extractive reader: it answers with sentences of the passages it is given, or not at all."""
