"""``python -m trendbench`` is the ``trendbench`` command."""

from trendbench.cli.main import main

main()
