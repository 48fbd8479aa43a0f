"""``python -m node`` and the console script ``staffelstab``."""

from node.cli.app import main

if __name__ == "__main__":
    main()
