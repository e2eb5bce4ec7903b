"""How near restored wings come to the truth: pictures are narrowed, restored, and compared with what was hidden."""
