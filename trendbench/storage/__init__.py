"""Files that are whole or not there, and folders that one process works in at a time."""
