"""Goldens: what the program did in a scripted week, and the week itself."""
