"""What holds for every test."""

import os

# Kafka and Spark live for seconds here: their code is compiled quickly rather than well.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
