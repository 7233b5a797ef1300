"""The language model: any server that speaks OpenAI's chat completions.

* `client`: asks it, again if that may help, and yields the words of its answer
* `several`: asks another model when one fails or is late
* `address`: where its server is, as people write it
* `connection`: proxies, certificates, and why there is no connection
* `availability`: asks its server whether it can be used
* `health`: decides from that and from real requests, and when to ask
* `response`: reads the JSON objects of its HTTP response
* `conversation_shape`: how much of a conversation its server takes, and in which roles
* `completion`: parses one answer, chunk by chunk
* `reasoning`: takes a model's reasoning out of its text
* `deadlines`: how long its words are waited for
* `optional_parameters`: what a request can do without
* `reply_limit`: ends a reply that is too long
* `failures`: how it fails, as one error
* `words`: text as words
"""
