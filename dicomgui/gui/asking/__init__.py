"""What panels that ask by C-FIND share: the form, the questions that run, the table of matches."""
