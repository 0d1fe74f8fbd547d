"""What people say of answers: joined with what the judge said, compared, and learned from."""
