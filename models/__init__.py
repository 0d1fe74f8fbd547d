"""What Triton serves: the model repository, the code its models share, and how the files are made.

`build/` makes the files, `serving/` turns texts into vectors, `reading/` picks an answer out of
passages, `repository/` is what `tritonserver` is pointed at. Nothing here imports the rest of
Freshet, so the folder can be mounted alone into a Triton container.
"""
