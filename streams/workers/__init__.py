"""One Faust worker per role: thin shells around the processors that decide."""
