"""The stream of figures watched: windows, drift, objectives and what people say."""
