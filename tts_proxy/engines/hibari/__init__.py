"""hibari: an English voice that sounds like a person, for a few hundredths of a second of CPU per second of speech."""
