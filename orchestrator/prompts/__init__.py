"""System prompts: characters as plain text, and what is filled into them.

* `prompts`: renders a character, and says in which language to apologise
* `texts`: every text of the folder `characters`, read and checked once
* `templates`: the two forms of these texts: templates and lists
* `headlines`: what is in the news
"""
