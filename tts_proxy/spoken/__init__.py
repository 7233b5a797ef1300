"""What is spoken of a written text. Pure; nothing else decides it.

* `text`: takes the text as it comes, drops what is for the eye, and gives its words out
* `directions`: stage directions, as in "*sighs*"
* `mathematics`: formulas of LaTeX as plain signs
* `words`: what is said for one written word, in any language
* `readings`: what the voices of this machine do not read well by themselves, by language
* `utterance`: an engine's utterance that is given a written text, and tells of written words
"""
