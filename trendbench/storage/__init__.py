"""Files that are whole or not there, read within bounds; folders that one process works in."""
