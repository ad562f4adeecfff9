"""The data file: its format, how it is made, read and verified."""
