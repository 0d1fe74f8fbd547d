"""`freshet demo`: the main job for real, step by step, on the stack of this machine."""
