"""The ASGI application and its plain HTTP routes.

app            all routes and middleware        rest         the routes but for recordings
voice_uploads  voices made, donations taken     uploads      forms that bring a recording, with their limits
forms          one file out of a form           webpage      the files of Parley's page
openapi        the description of the routes    connections  uvicorn's connections, with more limits
"""
