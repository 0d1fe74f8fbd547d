"""What the index should hold, worked out from the log by other means than the writer's.

Three comparisons, and zero faults is the only good outcome: every event of `documents` is
accounted for once and came to what a plain reading of the log comes to; the passages and units
of each document are those of its last valid version; and the rows of the index are those that
the changes say, no more, no fewer, none twice, each with the right content and validity.
"""
