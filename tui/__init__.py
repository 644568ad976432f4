"""What people see: the console (Textual) and the command line. Both give the same answers from the same functions."""
