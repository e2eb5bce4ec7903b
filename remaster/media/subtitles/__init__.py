"""Subtitles that follow the picture: what has a place keeps it on the same pixels in a wider (or higher) frame."""
