"""remaster: 4:3 animated series made 16:9 with each scene's own background."""

__version__ = "0.1.0"
