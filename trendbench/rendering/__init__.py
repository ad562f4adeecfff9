"""From germs to pixels."""
