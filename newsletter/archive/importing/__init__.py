"""Old letters of other programs: their exports become editions of the archive.

An export is read by name, file by file, into memory; nothing of it is ever unpacked to disk.
"""
