"""Files, streams and pixels: the only package that touches PyAV."""
