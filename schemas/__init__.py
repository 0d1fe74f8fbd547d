"""What the events are: one module per event type, and the topics they travel on.

Types are msgspec structs: decoding validates, and the JSON Schemas and the AsyncAPI
document in this package are generated from them. Nothing here imports the rest of Freshet.
"""
