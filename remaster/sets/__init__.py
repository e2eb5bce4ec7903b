"""Sets that return."""
