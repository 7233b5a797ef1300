"""Speech made clause by clause: what engines share that speak a text without looking ahead by themselves."""
