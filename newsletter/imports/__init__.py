"""Imports of other tools' exports: read a file, decide what each row changes, store and undo it."""
