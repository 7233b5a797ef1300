"""Every setting of every process.

Files: `inventory` (which there are, and their values), `formats` (how they are printed).
"""
