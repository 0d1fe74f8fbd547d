"""What the index and `evaluations` should hold, worked out by other means than the workers'.

Zero faults is the only good outcome. Of the index there are three comparisons: every event of
`documents` is accounted for once and came to what a plain reading of the log comes to; the
passages and units of each document are those of its last valid version; and the rows of the
index are those that the changes say, no more, no fewer, none twice, each with the right content
and validity. Each response has one evaluation, that rests on what the answer had before it. And
what the monitor tells it tells once.
"""
