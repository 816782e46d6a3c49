"""What was said: frozen values for ActivityStreams documents, used both ways.

`value.document()` is the JSON that we send, `parse.parse(document)` the value of what we got.
"""
