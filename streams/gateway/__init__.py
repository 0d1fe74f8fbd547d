"""The HTTP front: an OpenAI-compatible API over the topics.

It only produces to and consumes from Kafka. What it knows of keys, documents and answers it
has from following their topics.
"""
